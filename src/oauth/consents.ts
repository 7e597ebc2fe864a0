import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import type { Environment } from '../base/environment.ts';
import { NotFound } from '../base/errors.ts';
import { scopesOf } from '../base/scopes.ts';
import { type Db, transaction } from '../db/pool.ts';
import {
  type ConsentPlace,
  deleteGrantsTo,
  deleteRecordsOfSubjects,
  type GrantRow,
  listGrantsOf,
} from './consent-store.ts';

/** What one application may do on behalf of an account, over all its grants. */
export type Consent = {
  environment: Environment;
  clientId: string;
  clientName: string;
  /** Null: the programme's own application. */
  teamName: string | null;
  /** By name. */
  products: string[];
  /** In words, each sentence once. */
  scopes: string[];
  since: Date;
  /** Null: without an end. */
  until: Date | null;
};

/** By the application's name. An application that was authorized several times is listed once. */
export async function listConsents(db: Db, accountId: string): Promise<Consent[]> {
  const consents = new Map<string, Consent>();
  for (const row of await listGrantsOf(db, accountId)) {
    const { environment, clientId, clientName, teamName, since, until } = row;
    const known = consents.get(`${environment} ${clientId}`);
    consents.set(`${environment} ${clientId}`, {
      ...{ environment, clientId, clientName, teamName },
      products: union(
        known?.products,
        row.products.map(({ name }) => name),
      ),
      scopes: union(known?.scopes, inWords(row)),
      since: known && known.since < since ? known.since : since,
      until: known ? later(known.until, until) : until,
    });
  }
  return [...consents.values()];
}

const union = (a: readonly string[] = [], b: readonly string[]): string[] => [
  ...new Set([...a, ...b]),
];

/** Null is later than any date. */
const later = (a: Date | null, b: Date | null): Date | null =>
  a && b && new Date(Math.max(a.getTime(), b.getTime()));

const oidcWords: Readonly<Record<string, string>> = {
  profile: 'See your name and profile',
  email: 'See your email address',
  offline_access: 'Keep this access while you are away',
};

/** As oidc-provider's `Grant` counts it: granted and not refused. */
function inWords({ payload, products }: GrantRow): string[] {
  const { openid, resources = {}, rejected = {} } = payload as Granted;
  const left = (granted?: string, refused?: string): string[] => {
    const without = new Set(scopesOf(refused));
    return scopesOf(granted).filter((scope) => !without.has(scope));
  };
  const oidc = left(openid?.scope, rejected.openid?.scope).filter((scope) => scope !== 'openid');
  const api = Object.entries(resources).flatMap(([audience, granted]) => {
    const described = products.find((product) => product.audience === audience)?.scopes ?? {};
    return left(granted, rejected.resources?.[audience]).map((scope) => described[scope] ?? scope);
  });
  const words = union(
    oidc.map((scope) => oidcWords[scope] ?? scope),
    api,
  );
  return words.length > 0 ? words : ['Know that you signed in'];
}

/** What oidc-provider keeps of a grant. */
type Granted = {
  openid?: { scope?: string };
  resources?: Record<string, string>;
  rejected?: { openid?: { scope?: string }; resources?: Record<string, string> };
};

/**
 * Ends every grant of this account to one application: codes and refresh tokens are gone, and the
 * access tokens out there count no more at introspection and userinfo.
 * @throws {NotFound} where there is none, or it is somebody else's.
 */
export const withdrawConsent = (
  pool: pg.Pool,
  { accountId, environment, clientId }: ConsentPlace,
  caller: Caller,
): Promise<void> =>
  transaction(pool, async (tx) => {
    if ((await deleteGrantsTo(tx, { accountId, environment, clientId })) === 0) {
      throw new NotFound('no_consent', 'This application has no access to your account.');
    }
    await recordAct(tx, {
      actor: { kind: 'account', id: accountId },
      action: 'consent.withdrawn',
      subject: { kind: 'client', id: clientId },
      environment,
      caller,
    });
  });

/**
 * Ends whatever applications may do for these accounts or test users, and their sessions with both
 * issuers. Belongs into the transaction of its cause, after the change of its row.
 */
export const endAccess = (tx: Db, ...subs: string[]): Promise<void> =>
  deleteRecordsOfSubjects(tx, subs);
