import Router from '@koa/router';
import type { Context } from 'koa';
import { freshDoerOf } from '../accounts/doer.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import {
  type InvitationParts,
  invite,
  resendInvitation,
  withdrawInvitation,
} from '../teams/invitation-service.ts';
import { changeRole, handOver, removeMember } from '../teams/membership-service.ts';
import { listMembers } from '../teams/store.ts';
import { type MemberRole, mustOwn, type Team } from '../teams/team.ts';
import { bareForm, handOverForm, inviteForm, readEmail, roleForm } from './team-form.ts';
import { memberOf, ownTeam, roleWords } from './team-page.ts';
import { showAgain } from './team-routes.ts';

/** Who is in a team, as its owners say it; each page after a fresh sign-in, for it can give a team away. */
export function teamPeopleRoutes(parts: InvitationParts): Router {
  const { pool } = parts;
  const router = new Router({ prefix: '/teams/:id' });

  /** @throws {NotFound} for everybody else, and {Forbidden} for members. */
  const ownedTeam = async (ctx: Context): Promise<Team & { role: MemberRole }> => {
    const accountId = freshDoerOf(ctx).actor.id;
    const team = await ownTeam(pool, { teamId: String(ctx.params.id), accountId });
    mustOwn(team.role);
    return team;
  };
  const atTeam = (ctx: Context, done: string): void =>
    goTo(ctx, `/teams/${ctx.params.id}?done=${done}`);

  router.get('/invite', async (ctx) => {
    const { id, name } = await ownedTeam(ctx);
    const page = { id, name, email: '', role: 'member', error: null };
    await ctx.render('portal/team-invite', page);
  });

  router.post('/invite', async (ctx) => {
    const { id, name } = await ownedTeam(ctx);
    const { csrf, email: typed, role } = await readForm(ctx, inviteForm);
    checkCsrf(ctx, csrf);
    try {
      await invite(parts, freshDoerOf(ctx), { teamId: id, email: readEmail(typed), role });
      atTeam(ctx, 'invited');
    } catch (error) {
      await showAgain(ctx, error, (said) => [
        'portal/team-invite',
        { id, name, email: typed, role, error: said },
      ]);
    }
  });

  const ofInvitation = { resend: resendInvitation, withdraw: withdrawInvitation } as const;
  const told = { resend: 'resent', withdraw: 'withdrawn' } as const;
  for (const what of ['resend', 'withdraw'] as const) {
    router.post(`/invitations/:invitation/${what}`, async (ctx) => {
      const { id } = await ownedTeam(ctx);
      checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
      const place = { teamId: id, id: String(ctx.params.invitation) };
      await ofInvitation[what](parts, freshDoerOf(ctx), place);
      atTeam(ctx, told[what]);
    });
  }

  const memberPage = async (
    ctx: Context,
    error: string | null = null,
  ): Promise<[string, object]> => {
    const team = await ownedTeam(ctx);
    const accountId = String(ctx.params.account);
    const { name, email, role } = await memberOf(pool, { teamId: team.id, accountId });
    const page = { id: team.id, team: team.name, accountId, name, email, role, error };
    return ['portal/team-member', page];
  };

  router.get('/members/:account', async (ctx) => {
    await ctx.render(...(await memberPage(ctx)));
  });

  router.post('/members/:account', async (ctx) => {
    const { id } = await ownedTeam(ctx);
    const { csrf, role } = await readForm(ctx, roleForm);
    checkCsrf(ctx, csrf);
    try {
      const accountId = String(ctx.params.account);
      await changeRole(parts, freshDoerOf(ctx), { teamId: id, accountId, role });
      atTeam(ctx, 'role');
    } catch (error) {
      await showAgain(ctx, error, (said) => memberPage(ctx, said));
    }
  });

  router.post('/members/:account/remove', async (ctx) => {
    const { id } = await ownedTeam(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const doer = freshDoerOf(ctx);
    try {
      const accountId = String(ctx.params.account);
      await removeMember(parts, doer, { teamId: id, accountId });
      if (accountId === doer.actor.id) goTo(ctx, '/teams?done=left');
      else atTeam(ctx, 'removed');
    } catch (error) {
      await showAgain(ctx, error, (said) => memberPage(ctx, said));
    }
  });

  const handOverPage = async (
    ctx: Context,
    error: string | null = null,
  ): Promise<[string, object]> => {
    const { id, name } = await ownedTeam(ctx);
    const own = freshDoerOf(ctx).actor.id;
    const others = (await listMembers(pool, id)).filter(({ accountId }) => accountId !== own);
    const people = others.map((one) => ({
      id: one.accountId,
      name: one.name,
      email: one.email,
      role: roleWords[one.role],
    }));
    return ['portal/team-hand-over', { id, name, people, error }];
  };

  router.get('/hand-over', async (ctx) => {
    await ctx.render(...(await handOverPage(ctx)));
  });

  router.post('/hand-over', async (ctx) => {
    const { id } = await ownedTeam(ctx);
    const { csrf, to } = await readForm(ctx, handOverForm);
    checkCsrf(ctx, csrf);
    if (to === '') {
      await ctx.render(...(await handOverPage(ctx, 'Choose who takes over.')));
      ctx.status = 422;
      return;
    }
    await handOver(parts, freshDoerOf(ctx), { teamId: id, to });
    atTeam(ctx, 'handed-over');
  });

  return router;
}
