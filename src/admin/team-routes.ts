import Router from '@koa/router';
import type pg from 'pg';
import { signedIn } from '../accounts/session-cookie.ts';
import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { NotFound } from '../base/errors.ts';
import { dayInWords, timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { listInvitations } from '../teams/invitation-store.ts';
import { findTeam, listMembers } from '../teams/store.ts';
import type { AdministratorOf } from './administrator.ts';
import { switchRoles } from './switch.ts';
import { listApplicationsOfTeam, listSubscriptionsOfTeam } from './team-store.ts';

const historyLines = 20;

/** One team, as administrators see it: nothing of its secrets, and nothing to change but the switch. */
export function teamRoutes({
  pool,
  administratorOf,
}: {
  pool: pg.Pool;
  administratorOf: AdministratorOf;
}): Router {
  const router = new Router({ prefix: '/admin/teams' });

  router.get('/:id', async (ctx) => {
    const doer = administratorOf(ctx);
    const { before } = ctx.query;
    const cursor = typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : null;
    const whose = { teamId: String(ctx.params.id), reader: doer.actor.id };
    const { roles } = signedIn(ctx);
    await ctx.render('admin/team', {
      ...(await teamPage(pool, whose, { before: cursor })),
      mayStop: roles.includes(switchRoles.team) || roles.includes('owner'),
    });
  });

  return router;
}

/** The page object of views/admin/team.ejs. @throws {NotFound} */
async function teamPage(
  db: Db,
  { teamId, reader }: { teamId: string; reader: string },
  { before }: { before: string | null },
): Promise<object> {
  const team = await findTeam(db, teamId);
  if (!team) throw new NotFound('no_team', 'There is no such team.');
  const about = { kind: 'team', id: teamId } as const;
  const [members, invitations, subscriptions, applications, [suspension], acts] = await Promise.all(
    [
      listMembers(db, teamId),
      listInvitations(db, teamId),
      listSubscriptionsOfTeam(db, teamId),
      listApplicationsOfTeam(db, teamId),
      suspensionsOf(db, [about]),
      listActsAbout(db, about, { before, limit: historyLines + 1 }),
    ],
  );
  const shown = acts.slice(0, historyLines);
  return {
    id: team.id,
    name: team.name,
    since: dayInWords(team.createdAt),
    suspended: suspension
      ? { reason: suspension.reason, since: timeInWords(suspension.suspendedAt) }
      : null,
    members: members.map((one) => ({ ...one, since: dayInWords(one.joinedAt) })),
    waiting: invitations.filter(({ hasEnded }) => !hasEnded).length,
    subscriptions,
    applications,
    history: historyOf(shown, reader),
    older: acts.length > historyLines ? (shown.at(-1)?.id ?? null) : null,
  };
}
