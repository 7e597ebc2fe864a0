import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { doerOf } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { behaviours } from '../test-users/behaviour.ts';
import {
  changeTestUser,
  makeTestUser,
  noSuchTestUser,
  type OwnTestUserParts,
  removeTestUser,
  resetTestUser,
  resetTestUsersOf,
  setBehaviour,
} from '../test-users/own-service.ts';
import { findOwnTestUser } from '../test-users/own-store.ts';
import type { TestUser } from '../test-users/test-user.ts';
import { checkTestUser, testUserFields } from '../test-users/test-user-form.ts';
import {
  firstFields,
  newTestUserPage,
  saidDone,
  testUserPage,
  testUsersPage,
} from './test-user-page.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const teamForm = bareForm.extend({ team: z.string().default('') });
const behaviourForm = bareForm.extend({ behaviour: z.enum(['none', ...behaviours]) });

/** The shared test users, for everybody to see; and a team's own, for its members to make and change. */
export function testUserRoutes(parts: OwnTestUserParts): Router {
  const { pool, keyring } = parts;
  const at = { db: pool, keyring };
  const router = new Router({ prefix: '/test-users' });

  /** The one of this address, with who asks. @throws {NotFound} for another team's. */
  async function own(ctx: Context): Promise<{ which: Which; testUser: TestUser }> {
    const which = { owner: doerOf(ctx).actor.id, id: String(ctx.params.id) };
    const testUser = await findOwnTestUser(pool, which);
    if (!testUser) throw noSuchTestUser();
    return { which, testUser };
  }

  router.get('/', async (ctx) => {
    const page = await testUsersPage(at, accountOf(ctx)?.id ?? null);
    await ctx.render('portal/test-users', { ...page, done: saidDone(ctx.query.done) });
  });

  router.get('/new', async (ctx) => {
    const { id: accountId } = doerOf(ctx).actor;
    const fields = await firstFields(at, { accountId, copyOf: ctx.query.clone });
    await ctx.render('portal/test-user-new', await newTestUserPage(pool, accountId, fields));
  });

  router.post('/new', async (ctx) => {
    const doer = doerOf(ctx);
    const owner = doer.actor.id;
    const typed = await readForm(ctx, testUserFields);
    checkCsrf(ctx, typed.csrf);
    try {
      const values = checkTestUser(typed);
      const id = await makeTestUser(parts, doer, { owner, teamId: typed.team, values });
      goTo(ctx, `/test-users/${id}?done=made`);
    } catch (error) {
      const wrong = asWrong(error);
      await ctx.render('portal/test-user-new', await newTestUserPage(pool, owner, typed, wrong));
      ctx.status = 422;
    }
  });

  router.post('/reset', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, team } = await readForm(ctx, teamForm);
    checkCsrf(ctx, csrf);
    await resetTestUsersOf(parts, doer, { owner: doer.actor.id, teamId: team });
    goTo(ctx, '/test-users?done=reset-all');
  });

  router.get('/:id', async (ctx) => {
    const { which, testUser } = await own(ctx);
    const page = await testUserPage(at, testUser, which.owner);
    await ctx.render('portal/test-user', { ...page, done: saidDone(ctx.query.done) });
  });

  router.post('/:id', async (ctx) => {
    const { which, testUser } = await own(ctx);
    const typed = await readForm(ctx, testUserFields);
    checkCsrf(ctx, typed.csrf);
    try {
      await changeTestUser(parts, doerOf(ctx), { ...which, values: checkTestUser(typed) });
      goTo(ctx, `/test-users/${testUser.id}?done=changed`);
    } catch (error) {
      const again = { typed, wrong: asWrong(error) };
      const page = await testUserPage(at, testUser, which.owner, again);
      await ctx.render('portal/test-user', { ...page, done: null });
      ctx.status = 422;
    }
  });

  router.post('/:id/behaviour', async (ctx) => {
    const { which } = await own(ctx);
    const { csrf, behaviour } = await readForm(ctx, behaviourForm);
    checkCsrf(ctx, csrf);
    const wanted = behaviour === 'none' ? null : behaviour;
    await setBehaviour(parts, doerOf(ctx), { ...which, behaviour: wanted });
    goTo(ctx, `/test-users/${which.id}?done=behaviour`);
  });

  router.post('/:id/reset', async (ctx) => {
    const { which } = await own(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await resetTestUser(parts, doerOf(ctx), which);
    goTo(ctx, `/test-users/${which.id}?done=reset`);
  });

  router.post('/:id/delete', async (ctx) => {
    const { which } = await own(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await removeTestUser(parts, doerOf(ctx), which);
    goTo(ctx, '/test-users?done=deleted');
  });

  return router;
}

type Which = { owner: string; id: string };

/** What the form says about itself. All else is thrown on. */
function asWrong(error: unknown): { fields: Record<string, string>; problem: string | null } {
  if (error instanceof InvalidInput) return { fields: { ...error.fields }, problem: null };
  if (error instanceof Conflict) return { fields: {}, problem: error.message };
  throw error;
}
