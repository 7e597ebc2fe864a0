import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import type { Self } from '../accounts/own-account-service.ts';
import { isLastOwner } from '../accounts/owner-store.ts';
import type { Sessions } from '../accounts/session-cookie.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';
import { counted, listed } from '../base/in-words.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { listConsents } from '../oauth/consents.ts';
import { deleteOwnAccount, fateOf } from './profile-closing.ts';
import { listTeamsOfLeaver, type TeamOfLeaver } from './profile-closing-store.ts';
import { freshSelfOf } from './profile-self.ts';

const form = z.object({ csrf: z.string().default(''), email: z.string().default('') });

const handOverFirst: ReadonlySet<string> = new Set(['last_owner', 'last_administrator']);

type Parts = { pool: pg.Pool; sessions: Pick<Sessions, 'end'> };

/** Delete my account: first what becomes of everything, then, typed, the deed. */
export function profileClosingRoutes({ pool, sessions }: Parts): Router {
  const router = new Router();

  async function show(
    ctx: Context,
    { account }: Self,
    earlier: { typed?: string; error?: string } = {},
  ): Promise<void> {
    const teams = await listTeamsOfLeaver(pool, account.id);
    const consents = await listConsents(pool, account.id);
    await ctx.render('portal/profile-delete', {
      email: account.email,
      typed: earlier.typed ?? '',
      error: earlier.error ?? null,
      lastAdministrator: await isLastOwner(pool, account.id),
      teams: teams.map((team) => ({
        name: team.name,
        fate: fateOf(team),
        others: counted(team.otherMembers, 'other member'),
        with: listed(possessionsOf(team)),
      })),
      applications: consents.length > 0 ? counted(consents.length, 'application') : null,
    });
  }

  router.get('/profile/delete', async (ctx) => {
    await show(ctx, freshSelfOf(ctx));
  });

  router.post('/profile/delete', async (ctx) => {
    const self = freshSelfOf(ctx);
    const { csrf, email: typed } = await readForm(ctx, form);
    checkCsrf(ctx, csrf);
    try {
      await deleteOwnAccount(pool, self, typed, (tx) => sessions.end(ctx, tx));
      goTo(ctx, '/profile/deleted');
    } catch (error) {
      const refused = error instanceof Conflict && handOverFirst.has(error.code);
      if (!refused && !(error instanceof InvalidInput)) throw error;
      await show(
        ctx,
        self,
        error instanceof InvalidInput ? { typed, error: error.fields.email } : {},
      );
      ctx.status = refused ? 409 : 422;
    }
  });

  router.get('/profile/deleted', async (ctx) => {
    await ctx.render('portal/profile-deleted', {});
  });

  return router;
}

const possessionsOf = ({ subscriptions, keys, applications, testUsers }: TeamOfLeaver): string[] =>
  [
    { count: subscriptions, what: 'subscription' },
    { count: keys, what: 'key' },
    { count: applications, what: 'application' },
    { count: testUsers, what: 'test user' },
  ]
    .filter(({ count }) => count > 0)
    .map(({ count, what }) => counted(count, what));
