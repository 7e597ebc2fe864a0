import Router from '@koa/router';
import type pg from 'pg';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import { type AdministratorOf, administrators } from './administrator.ts';

/** What the pages of the programme's desk are made of. */
export type DeskParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  administratorOf: AdministratorOf;
};

/** All pages under /admin. */
export function desk(
  given: Omit<DeskParts, 'administratorOf'> & { secondFactorRequired?: boolean | undefined },
): Router {
  const _parts = {
    ...given,
    administratorOf: administrators({ required: given.secondFactorRequired ?? false }),
  };
  const router = new Router();
  return router;
}
