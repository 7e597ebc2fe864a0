import Router from '@koa/router';
import type pg from 'pg';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import { makeConsoleClients } from '../clients/service.ts';
import { endClientAccess } from '../oauth/client-ending.ts';
import { type AdministratorOf, administrators } from './administrator.ts';
import { apiRoutes } from './api-routes.ts';
import { approvalRoutes } from './approval-routes.ts';
import { clientRoutes } from './client-routes.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { peopleRoutes } from './people-routes.ts';
import { productRoutes } from './product-routes.ts';
import { searchRoutes } from './search-routes.ts';
import { switchRoutes } from './switch-routes.ts';
import { teamRoutes } from './team-routes.ts';
import { trailRoutes } from './trail-routes.ts';
import { useRoutes } from './use-routes.ts';

/** What the pages of the programme's desk are made of. */
export type DeskParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  keysAt: KeysAt;
  /** False: gateways need not show a credential, and the page of gateways says so. */
  gatewaysShowCredential?: boolean | undefined;
  administratorOf: AdministratorOf;
};

/** All pages under /admin. */
export function desk(
  given: Omit<DeskParts, 'administratorOf'> & { secondFactorRequired?: boolean | undefined },
): Router {
  const parts = {
    ...given,
    administratorOf: administrators({ required: given.secondFactorRequired ?? false }),
  };
  const router = new Router();
  router.use(approvalRoutes({ ...parts, makeConsoleClients }).routes());
  router.use(clientRoutes({ ...parts, endClientAccess }).routes());
  router.use(gatewayRoutes(parts).routes());
  router.use(overviewRoutes(parts).routes());
  router.use(peopleRoutes(parts).routes());
  router.use(teamRoutes(parts).routes());
  router.use(searchRoutes(parts).routes());
  router.use(switchRoutes(parts).routes());
  router.use(trailRoutes(parts).routes());
  router.use(useRoutes(parts).routes());
  router.use(productRoutes(parts).routes());
  router.use(apiRoutes(parts).routes());
  return router;
}
