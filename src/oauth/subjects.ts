import type { Account as OidcAccount } from 'oidc-provider';
import type pg from 'pg';
import { credentialsAsOf } from '../accounts/account.ts';
import { findAccountProfile } from '../accounts/profile-store.ts';
import { findAccount } from '../accounts/store.ts';
import type { Environment } from '../base/environment.ts';
import type { ClientProduct } from '../clients/client.ts';
import type { Behaviour } from '../test-users/behaviour.ts';
import { findTestUser } from '../test-users/store.ts';

/** Whoever a token is about. oidc-provider says *account* for it; that word stays in this room. */
export type Subject = {
  sub: string;
  kind: 'test_user' | 'account';
  name: string;
  /** Null: an account that nobody gave a profile in this environment. */
  role: string | null;
  /** Standard OpenID Connect claims, without `sub`. */
  claims: Record<string, unknown>;
  /** The patient that the subject is, or acts for. */
  patient: string | null;
  /** Of an account: names its present password and second factor, by when they were set. */
  passwordAsOf?: string;
  /** Of a team's own test user, where it was given one. */
  behaviour?: Behaviour | null;
};

export type FindSubject = (sub: string) => Promise<Subject | undefined>;

/** An account of either environment; one whose address is not verified is no subject. */
const accountSubject =
  (pool: pg.Pool, environment: Environment): FindSubject =>
  async (sub) => {
    const account = await findAccount(pool, sub);
    if (!account?.emailVerifiedAt) return undefined;
    const profile = await findAccountProfile(pool, { accountId: sub, environment });
    return {
      sub,
      kind: 'account',
      name: account.name,
      role: profile?.role ?? null,
      claims: {
        name: account.name,
        ...profile?.claims,
        email: account.email,
        email_verified: true,
      },
      patient: profile?.patient ?? null,
      passwordAsOf: credentialsAsOf(account),
    };
  };

const testUserSubject =
  (pool: pg.Pool): FindSubject =>
  async (sub) => {
    const testUser = await findTestUser(pool, sub);
    if (!testUser) return undefined;
    return {
      sub,
      kind: 'test_user',
      name: testUser.name,
      role: testUser.role,
      claims: { name: testUser.name, ...testUser.claims },
      patient: testUser.patient,
      behaviour: testUser.behaviour,
    };
  };

/**
 * How an environment finds its subjects. The live one knows accounts and nothing else: there is no
 * path in it on which a test user could be found.
 */
export function subjectsOf(pool: pg.Pool, environment: Environment): FindSubject {
  const account = accountSubject(pool, environment);
  if (environment === 'live') return account;
  const testUser = testUserSubject(pool);
  return async (sub) => (sub.startsWith('tu_') ? testUser(sub) : account(sub));
}

/** Whether the product takes tokens about such a subject at all. */
export const takes = (product: ClientProduct, subject: Pick<Subject, 'kind'>): boolean =>
  product.subjects === 'both' ||
  product.subjects === (subject.kind === 'test_user' ? 'test_users' : 'accounts');

/** What oidc-provider is given as its *account*; the subject rides along. */
export type SubjectAccount = OidcAccount & { readonly subject: Subject };

export const asOidcAccount = (subject: Subject): SubjectAccount => ({
  accountId: subject.sub, // oidc-provider's word for the subject
  subject,
  claims: async () => ({ ...subject.claims, sub: subject.sub }), // filtered by scope in the library
});
