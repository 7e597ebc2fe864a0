import { Readable } from 'node:stream';
import Router from '@koa/router';
import type pg from 'pg';
import { listTrail, recordAct, type TrailFilter } from '../audit/store.ts';
import type { Db } from '../db/pool.ts';
import type { AdministratorOf } from './administrator.ts';
import { actionGroups, filterOf, lineOf, queryOf, trailHead, trailLine } from './trail-page.ts';

const pageLines = 50;
/** Of one file, and of one question to the database. */
const fileLines = 100_000;
const batch = 1_000;

/** Everything that anybody did, for whoever has to look into it. */
export function trailRoutes({
  pool,
  administratorOf,
}: {
  pool: pg.Pool;
  administratorOf: AdministratorOf;
}): Router {
  const router = new Router({ prefix: '/admin' });

  router.get('/trail', async (ctx) => {
    administratorOf(ctx, 'auditor');
    const filter = filterOf(ctx.query);
    const { before } = ctx.query;
    const cursor = typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : null;
    const acts = await listTrail(pool, filter, { before: cursor, limit: pageLines + 1 });
    const shown = acts.slice(0, pageLines);
    const last = acts.length > pageLines ? shown.at(-1)?.id : undefined;
    await ctx.render('admin/trail', {
      filter,
      groups: actionGroups(),
      acts: shown.map(lineOf),
      newest: cursor === null ? null : `/admin/trail${queryOf(filter)}`,
      older: last ? `/admin/trail${queryOf(filter, { before: last })}` : null,
      csv: `/admin/trail.csv${queryOf(filter)}`,
    });
  });

  router.get('/trail.csv', async (ctx) => {
    const doer = administratorOf(ctx, 'auditor');
    const filter = filterOf(ctx.query);
    const named = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));
    await recordAct(pool, { ...doer, action: 'trail.downloaded', detail: { ...named } });
    ctx.type = 'text/csv; charset=utf-8';
    ctx.attachment('trail.csv');
    ctx.body = Readable.from(linesOf(pool, filter));
  });

  return router;
}

async function* linesOf(db: Db, filter: TrailFilter): AsyncGenerator<string> {
  yield trailHead;
  let before: string | null = null;
  for (let count = 0; count < fileLines; count += batch) {
    const acts = await listTrail(db, filter, { before, limit: batch });
    yield acts.map(trailLine).join('');
    before = acts.at(-1)?.id ?? null;
    if (acts.length < batch) return;
  }
}
