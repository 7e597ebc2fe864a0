import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { doerOf, freshDoerOf } from '../accounts/doer.ts';
import { Conflict, InvalidInput, TooMany } from '../base/errors.ts';
import { counted, listed } from '../base/in-words.ts';
import type { Throttle } from '../db/throttle.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { leaveTeam } from '../teams/membership-service.ts';
import { endTeam, makeTeam, renameTeam } from '../teams/service.ts';
import { countPossessions, listMembers } from '../teams/store.ts';
import { bareForm, nameForm, readName } from './team-form.ts';
import { ownTeam, possessionsInWords, teamPage, teamsPage } from './team-page.ts';

/** `newTeam`: how many teams one person makes. */
type Parts = { pool: pg.Pool; throttles: { newTeam: Throttle } };

/** My teams; each with its people and its history; how one begins and ends. */
export function teamRoutes({ pool, throttles }: Parts): Router {
  const router = new Router({ prefix: '/teams' });
  const placeOf = (ctx: Context) => ({
    teamId: String(ctx.params.id),
    accountId: doerOf(ctx).actor.id,
  });

  router.get('/', async (ctx) => {
    await ctx.render('portal/teams', await teamsPage(pool, doerOf(ctx).actor.id, ctx.query.done));
  });

  router.get('/new', async (ctx) => {
    doerOf(ctx);
    await ctx.render('portal/team-new', { name: '', error: null });
  });

  router.post('/new', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, name: typed } = await readForm(ctx, nameForm);
    checkCsrf(ctx, csrf);
    try {
      const name = readName(typed);
      await throttles.newTeam.attempt({ name: doer.actor.id, address: doer.caller?.address ?? '' });
      const { id } = await makeTeam(pool, doer, name);
      goTo(ctx, `/teams/${id}?done=made`);
    } catch (error) {
      await showAgain(ctx, error, (said) => ['portal/team-new', { name: typed, error: said }]);
    }
  });

  router.get('/:id', async (ctx) => {
    const { done: justDone, before } = ctx.query;
    const cursor = typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : null;
    await ctx.render(
      'portal/team',
      await teamPage(pool, placeOf(ctx), { justDone, before: cursor }),
    );
  });

  router.get('/:id/name', async (ctx) => {
    const { id, name } = await ownTeam(pool, placeOf(ctx));
    await ctx.render('portal/team-name', { id, current: name, name, error: null });
  });

  router.post('/:id/name', async (ctx) => {
    const { id, name: current } = await ownTeam(pool, placeOf(ctx));
    const { csrf, name: typed } = await readForm(ctx, nameForm);
    checkCsrf(ctx, csrf);
    try {
      await renameTeam(pool, doerOf(ctx), { teamId: id, name: readName(typed) });
      goTo(ctx, `/teams/${id}?done=renamed`);
    } catch (error) {
      await showAgain(ctx, error, (said) => [
        'portal/team-name',
        { id, current, name: typed, error: said },
      ]);
    }
  });

  router.get('/:id/leave', async (ctx) => {
    const { id, name } = await ownTeam(pool, placeOf(ctx));
    await ctx.render('portal/team-leave', { id, name, error: null });
  });

  router.post('/:id/leave', async (ctx) => {
    const { id, name } = await ownTeam(pool, placeOf(ctx));
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    try {
      await leaveTeam(pool, doerOf(ctx), id);
      goTo(ctx, '/teams?done=left');
    } catch (error) {
      await showAgain(ctx, error, (said) => ['portal/team-leave', { id, name, error: said }]);
    }
  });

  const deletion = async (
    ctx: Context,
    { typed = '', error = null }: { typed?: string; error?: string | null } = {},
  ): Promise<[string, object]> => {
    const { id, name } = await ownTeam(pool, placeOf(ctx));
    const [possessions, members] = await Promise.all([
      countPossessions(pool, id),
      listMembers(pool, id),
    ]);
    const others = members.length - 1;
    const page = {
      id,
      name,
      typed,
      error,
      with: listed(possessionsInWords(possessions)),
      others: others > 0 ? counted(others, 'other person', 'other people') : null,
    };
    return ['portal/team-delete', page];
  };

  router.get('/:id/delete', async (ctx) => {
    freshDoerOf(ctx);
    await ctx.render(...(await deletion(ctx)));
  });

  router.post('/:id/delete', async (ctx) => {
    const doer = freshDoerOf(ctx);
    const { csrf, name: typed } = await readForm(ctx, nameForm);
    checkCsrf(ctx, csrf);
    try {
      await endTeam(pool, doer, { teamId: String(ctx.params.id), typed });
      goTo(ctx, '/teams?done=deleted');
    } catch (error) {
      await showAgain(ctx, error, (said) => deletion(ctx, { typed, error: said }));
    }
  });

  return router;
}

/** The page once more, with what was typed and what is wrong with it. Throws on anything else. */
export async function showAgain(
  ctx: Context,
  error: unknown,
  page: (said: string) => [string, object] | Promise<[string, object]>,
): Promise<void> {
  const refused = error instanceof Conflict || error instanceof TooMany;
  if (!refused && !(error instanceof InvalidInput)) throw error;
  const said = error instanceof InvalidInput ? Object.values(error.fields)[0] : error.message;
  await ctx.render(...(await page(said ?? error.message)));
  if (error instanceof TooMany) ctx.set('Retry-After', String(Math.ceil(error.retryAfter)));
  ctx.status = error instanceof Conflict ? 409 : error instanceof TooMany ? 429 : 422;
}
