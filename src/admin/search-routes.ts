import Router from '@koa/router';
import type pg from 'pg';
import type { Db } from '../db/pool.ts';
import type { AdministratorOf } from './administrator.ts';
import {
  findClients,
  findPeople,
  findSubscriptions,
  findTeams,
  type Hit,
  type Wanted,
} from './search-store.ts';

/** Of each kind of thing. */
const most = 10;

const groups = [
  { title: 'People', at: '/admin/people', find: findPeople },
  { title: 'Teams', at: '/admin/teams', find: findTeams },
  { title: 'Subscriptions', at: '/admin/approvals', find: findSubscriptions },
  { title: 'Applications', at: '/admin/clients', find: findClients },
] as const;

/** People, teams, subscriptions and applications by name, address or id. */
export function searchRoutes({
  pool,
  administratorOf,
}: {
  pool: pg.Pool;
  administratorOf: AdministratorOf;
}): Router {
  const router = new Router({ prefix: '/admin/search' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const given = typeof ctx.query.q === 'string' ? ctx.query.q.trim().slice(0, 200) : '';
    const long = given.length >= 2;
    const found = await Promise.all(
      groups.map(async ({ title, at, find }) => {
        const hits = long ? await search(pool, find, given) : [];
        const shown = hits.slice(0, most).map((hit) => ({ ...hit, href: `${at}/${hit.id}` }));
        return { title, hits: shown, more: hits.length > most };
      }),
    );
    await ctx.render('admin/search', {
      q: given,
      problem: given && !long ? 'Type two letters at least.' : null,
      asked: long,
      groups: found.filter(({ hits }) => hits.length > 0),
    });
  });

  return router;
}

/** What begins with the words first; only where that is not enough, what holds them somewhere. */
async function search(
  db: Db,
  find: (db: Db, wanted: Wanted, limit: number) => Promise<Hit[]>,
  given: string,
): Promise<Hit[]> {
  const words = given.toLowerCase().replace(/[\\%_]/g, '\\$&');
  const hits = await find(db, { id: given, like: `${words}%` }, most + 1);
  if (hits.length > most) return hits;
  const known = new Set(hits.map(({ id }) => id));
  const rest = await find(db, { id: given, like: `%${words}%` }, 2 * most + 1);
  return [...hits, ...rest.filter(({ id }) => !known.has(id))];
}
