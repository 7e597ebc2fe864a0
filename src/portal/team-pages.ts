import Router from '@koa/router';
import type pg from 'pg';
import type { Throttle } from '../db/throttle.ts';
import { teamInvitationRoutes } from './team-invitation-routes.ts';
import { teamPeopleRoutes } from './team-people-routes.ts';
import { teamRoutes } from './team-routes.ts';

/** Everything under /teams, and the links of invitations. */
export function teamPages({
  pool,
  baseUrl,
  limited,
}: {
  pool: pg.Pool;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  limited: (purpose: string, what: 'letters' | 'codes') => Throttle;
}): Router {
  const router = new Router();
  const newTeam = limited('new-team', 'codes');
  const recipient = limited('invitation', 'letters');
  const sender = limited('invitations-sent', 'codes'); // as many a day as a team of that size needs
  router.use(teamRoutes({ pool, throttles: { newTeam } }).routes());
  router.use(teamPeopleRoutes({ pool, baseUrl, throttles: { recipient, sender } }).routes());
  router.use(teamInvitationRoutes({ pool }).routes());
  return router;
}
