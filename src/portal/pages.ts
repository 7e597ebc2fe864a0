import Router from '@koa/router';
import type pg from 'pg';
import type { Sessions } from '../accounts/session-cookie.ts';
import type { Keyring } from '../base/secrets.ts';
import { applicationLetters } from '../clients/letters.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import { makeConsoleClients } from '../clients/service.ts';
import { createThrottle, type Throttle } from '../db/throttle.ts';
import { endClientAccess } from '../oauth/client-ending.ts';
import { endAccess } from '../oauth/consents.ts';
import { apiExplorerRoutes } from './api-explorer-routes.ts';
import { applicationRoutes } from './application-routes.ts';
import { catalogueRoutes } from './catalogue-routes.ts';
import { consoleRoutes } from './console-routes.ts';
import { guideRoutes } from './guide-routes.ts';
import { homeRoutes } from './home-routes.ts';
import { productRoutes } from './product-routes.ts';
import { relayReach, relayResolve } from './relay-reach.ts';
import { subscriptionRoutes } from './subscription-routes.ts';
import { teamPages } from './team-pages.ts';
import { testUserRoutes } from './test-user-routes.ts';
import { useRoutes } from './use-routes.ts';

/** What the pages of developers and their teams are made of. */
export type PortalParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  sessions: Sessions;
  keysAt: KeysAt;
  /** What one person or network address can have done. */
  limited: (purpose: string, what: 'letters' | 'passwords' | 'codes' | 'calls') => Throttle;
  /** Hosts and networks inside that the console may call; left out: none. */
  relayAllow?: readonly string[];
  /** False where an organisation has a portal of its own. */
  portal?: boolean;
};

/** Products, subscriptions, applications, test users and teams, as their people see them. */
export function portalPages(parts: PortalParts): Router {
  const router = new Router();
  router.use(homeRoutes(parts).routes());
  router.use(productRoutes({ ...parts, makeConsoleClients }).routes());
  router.use(subscriptionRoutes(parts).routes());
  const letters = createThrottle(parts.pool, applicationLetters);
  router.use(applicationRoutes({ ...parts, endClientAccess, letters }).routes());
  router.use(testUserRoutes({ ...parts, endAccess }).routes());
  router.use(teamPages(parts).routes());
  router.use(useRoutes(parts).routes());
  if (parts.portal ?? true) router.use(catalogueAndConsole(parts).routes());
  return router;
}

/** What an organisation with a portal of its own does without. */
function catalogueAndConsole(parts: PortalParts): Router {
  const router = new Router();
  router.use(apiExplorerRoutes(parts).routes());
  router.use(catalogueRoutes(parts).routes());
  router.use(guideRoutes(parts).routes());
  const allowed = parts.relayAllow ?? [];
  const mayReach = relayReach({ allowed, baseUrl: parts.baseUrl });
  const rules = { mayReach, resolve: relayResolve(allowed) };
  const throttle = parts.limited('console', 'calls');
  const passwords = parts.limited('console-passwords', 'passwords');
  router.use(consoleRoutes({ ...parts, rules, throttle, passwords }).routes());
  return router;
}
