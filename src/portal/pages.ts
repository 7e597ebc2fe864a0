import Router from '@koa/router';
import type pg from 'pg';
import type { Sessions } from '../accounts/session-cookie.ts';
import type { Keyring } from '../base/secrets.ts';
import type { Throttle } from '../db/throttle.ts';

/** What the pages of developers and their teams are made of. */
export type PortalParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  sessions: Sessions;
  /** Letters that one person or network address can have sent. */
  limited: (purpose: string, what: 'letters' | 'passwords' | 'codes') => Throttle;
};

/** Products, subscriptions, applications, test users and teams, as their people see them. */
export function portalPages(_parts: PortalParts): Router {
  const router = new Router();
  return router;
}
