import type { Context, Middleware } from 'koa';
import type pg from 'pg';
import { Forbidden, Unauthenticated } from '../base/errors.ts';
import { digest, newSecret } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { callerOf } from '../http/caller.ts';
import { ownCookie } from '../http/own-cookie.ts';
import type { Account } from './account.ts';
import { type AccountSession, labelOf, seenEvery } from './session.ts';
import {
  deleteSessionById,
  deleteSessionsOf,
  findOpenSession,
  insertSession,
  noteSeen,
} from './session-store.ts';
import { findAccount } from './store.ts';

export type Sessions = {
  /** Loads who is signed in; for hosted pages, never for protocol endpoints. */
  middleware: Middleware;
  /**
   * Signs this browser in, under a new id whatever it came with; its former session ends.
   * @throws {Forbidden} `not_verified` for an account that has not verified its address.
   */
  begin(ctx: Context, db: Db, accountId: string): Promise<AccountSession>;
  /** Whose browser this is, for a page that may not know more: nothing is noted of it. */
  accountIdHere(ctx: Context): Promise<string | null>;
  /** Signs this browser out. */
  end(ctx: Context, db: Db): Promise<void>;
  /** In a password's change this comes after its update: a sign-in under way waits for that row. */
  endAll(db: Db, accountId: string, options?: { except?: string | null }): Promise<void>;
};

/** 256 random bits in a cookie; only their digest is kept. */
export function createSessions({ pool, https }: { pool: pg.Pool; https: boolean }): Sessions {
  const cookie = ownCookie('sg_account', { https });
  const idOf = (value: string): string => digest(value).toString('base64url');

  const endOwn = async (ctx: Context, db: Db): Promise<void> => {
    const value = cookie.read(ctx);
    if (value) await deleteSessionById(db, idOf(value));
    setState(ctx, null);
  };

  return {
    middleware: async (ctx, next) => {
      const value = cookie.read(ctx);
      const session = value ? await findOpenSession(pool, idOf(value)) : undefined;
      const account = session && (await findAccount(pool, session.accountId));
      setState(ctx, session && account ? { session, account } : null);
      if (session && Date.now() - session.seenAt.getTime() > seenEvery * 1000) {
        await noteSeen(pool, session.id);
      }
      await next();
    },
    async begin(ctx, db, accountId) {
      await endOwn(ctx, db);
      const value = newSecret();
      const { userAgent, address } = callerOf(ctx);
      const label = labelOf(userAgent);
      const row = { id: idOf(value), accountId, userAgent, address, label };
      const session = await insertSession(db, row);
      const account = session && (await findAccount(db, accountId));
      if (!session || !account) {
        throw new Forbidden('not_verified', 'Verify your email address first.');
      }
      cookie.write(ctx, value);
      setState(ctx, { session, account });
      return session;
    },
    async accountIdHere(ctx) {
      const value = cookie.read(ctx);
      const session = value ? await findOpenSession(pool, idOf(value)) : undefined;
      return session?.accountId ?? null;
    },
    async end(ctx, db) {
      await endOwn(ctx, db);
      cookie.clear(ctx);
    },
    endAll: deleteSessionsOf,
  };
}

type SignedIn = { session: AccountSession; account: Account };

function setState(ctx: Context, signedIn: SignedIn | null): void {
  ctx.state.session = signedIn?.session ?? null;
  ctx.state.account = signedIn?.account ?? null;
}

/** Null where nobody is signed in. */
export const accountOf = (ctx: Context): Account | null => ctx.state.account ?? null;
export const sessionOf = (ctx: Context): AccountSession | null => ctx.state.session ?? null;

/** @throws {Unauthenticated} `sign_in`, which a browser sees as the sign-in form in this page's place. */
export function signedIn(ctx: Context): Account {
  const account = accountOf(ctx);
  if (!account) throw new Unauthenticated('sign_in', 'Sign in to see this page.');
  return account;
}

/**
 * For what a stolen session must not do. Ask it of the page with the form too, or the person types
 * everything twice.
 * @throws {Unauthenticated} `sign_in`, or `sign_in_again` where that was more than 10 minutes ago.
 */
export function freshlySignedIn(ctx: Context): Account {
  const account = signedIn(ctx);
  if (sessionOf(ctx)?.fresh) return account;
  throw new Unauthenticated('sign_in_again', 'Give your password again to change this.');
}
