import { type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';
import { listTeams } from './team-store.ts';

/** The team that a client acts for; all of them for the programme's own. */
export const teamOperations: Operation[] = [
  operation({
    method: 'GET',
    path: '/teams',
    scope: 'teams:read',
    query: pageQuery,
    run: async ({ pool, teamId, query: { limit, cursor } }) => ({
      body: page(await listTeams(pool, { teamId, after: placeOf(cursor), limit }), limit),
    }),
  }),
  operation({
    method: 'GET',
    path: '/programme/teams',
    scope: 'programme:read',
    query: pageQuery,
    run: async ({ pool, query: { limit, cursor } }) => ({
      body: page(await listTeams(pool, { teamId: null, after: placeOf(cursor), limit }), limit),
    }),
  }),
];
