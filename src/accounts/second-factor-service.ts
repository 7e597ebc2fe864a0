import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import type { Account } from './account.ts';
import {
  type Here,
  holdOwnAccount,
  knowNoOtherDevice,
  recordOwnAct,
  type Self,
} from './own-account-service.ts';
import { holdAccount } from './own-account-store.ts';
import { newRecoveryCodes, type Proof, recoveryDigestOf } from './second-factor.ts';
import { newSeed, stepOf } from './second-factor-app.ts';
import {
  countRecoveryCodes,
  deleteSecondFactor,
  findSealedSeed,
  insertSecondFactor,
  saveRecoveryCodes,
  takeRecoveryCode,
  takeStep,
} from './second-factor-store.ts';
import { deleteSessionsOf } from './session-store.ts';
import { findAccountByEmail } from './store.ts';

export type SecondFactorParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** Ends whatever applications may do for the account, and its sessions with the issuers. */
  endAccess(tx: Db, accountId: string): Promise<void>;
};

const context = (accountId: string): string => `second_factors.sealed_seed ${accountId}`;

/** What was offered on a page counts in that session only, and nothing is kept of it before the proof. */
const offer = ({ session, account }: Self): string =>
  `second factor offer ${account.id} ${session.id}`;

/** A new seed, and the same sealed for the form: whoever looks at the page twice sees two. */
export function offerSecondFactor(keyring: Keyring, self: Self): { seed: string; sealed: string } {
  const seed = newSeed();
  return { seed, sealed: keyring.seal(seed, offer(self)).toString('base64url') };
}

/** Undefined for what was not offered to this account in this session. */
export function offeredSeed(keyring: Keyring, self: Self, sealed: string): string | undefined {
  try {
    return keyring.open(Buffer.from(sealed, 'base64url'), offer(self));
  } catch {
    return undefined;
  }
}

/**
 * Ends all that the password alone opened. Answers the recovery codes, which are shown this once;
 * undefined where the code is not the seed's.
 * @throws {Conflict} `has_second_factor`
 */
export async function addSecondFactor(
  { pool, keyring, endAccess }: SecondFactorParts,
  self: Self,
  { seed, code }: { seed: string; code: string },
  here: Here,
): Promise<string[] | undefined> {
  const step = stepOf(seed, code);
  if (step === undefined) return undefined;
  const { id: accountId } = self.account;
  return transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    const sealedSeed = keyring.seal(seed, context(accountId));
    if (!(await insertSecondFactor(tx, { accountId, sealedSeed, step }))) {
      throw new Conflict('has_second_factor', 'Your account has an authenticator app already.');
    }
    const codes = await writeRecoveryCodes(tx, accountId);
    await tell(
      tx,
      self.account,
      'An authenticator app was added: a sign-in asks for its code, and applications have to ask you again.',
    );
    await recordOwnAct(tx, self, 'second_factor.added');
    await deleteSessionsOf(tx, accountId);
    await knowNoOtherDevice(tx, accountId, here);
    await endAccess(tx, accountId);
    await here.begin(tx); // last, so that no cookie goes out for what failed
    return codes;
  });
}

/**
 * Answers whether there was one. What was opened before it was set up counts by the same password
 * again, and so ends with what was opened by both.
 */
export const removeSecondFactor = (
  { pool, endAccess }: Pick<SecondFactorParts, 'pool' | 'endAccess'>,
  self: Self,
  { begin }: Pick<Here, 'begin'>,
): Promise<boolean> =>
  transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    if (!(await deleteSecondFactor(tx, self.account.id))) return false;
    await tell(tx, self.account, 'The authenticator app was removed: the password alone opens it.');
    await recordOwnAct(tx, self, 'second_factor.removed');
    await deleteSessionsOf(tx, self.account.id);
    await endAccess(tx, self.account.id);
    await begin(tx);
    return true;
  });

/**
 * For somebody who lost phone and recovery codes, and whom an operator has come to know otherwise.
 * Their password still counts.
 * @throws {NotFound} `no_account`, `no_second_factor`
 */
export const resetSecondFactor = (
  { pool, endAccess }: Pick<SecondFactorParts, 'pool' | 'endAccess'>,
  { email, reason, doer = operator }: { email: string; reason: string; doer?: Doer },
): Promise<Account> =>
  transaction(pool, async (tx) => {
    const account = await findAccountByEmail(tx, email);
    if (!account) throw new NotFound('no_account', `There is no account with ${email}.`);
    const { id } = account;
    await holdAccount(tx, id);
    if (!(await deleteSecondFactor(tx, id))) {
      throw new NotFound('no_second_factor', `${account.email} has no second factor.`);
    }
    await tell(
      tx,
      account,
      'An operator removed your authenticator app: your password alone opens your account.',
    );
    const subject = { kind: 'account', id } as const;
    await recordAct(tx, { ...doer, action: 'second_factor.removed', subject, reason });
    await deleteSessionsOf(tx, id);
    await endAccess(tx, id);
    return account;
  });

/** Whoever has the server's command line. */
const operator: Doer = { actor: { kind: 'system' } };

/** In the place of all before them; undefined for an account without a second factor. */
export const renewRecoveryCodes = (
  { pool }: Pick<SecondFactorParts, 'pool'>,
  self: Self,
): Promise<string[] | undefined> =>
  transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    if (!(await findSealedSeed(tx, self.account.id))) return undefined;
    const codes = await writeRecoveryCodes(tx, self.account.id);
    await tell(tx, self.account, 'New recovery codes were made: the earlier ones no longer work.');
    await recordOwnAct(tx, self, 'recovery_codes.made');
    return codes;
  });

/**
 * Takes what somebody shows, once. Belongs into the transaction of what it opens, with the account
 * held.
 */
export async function takeProof(
  tx: Db,
  keyring: Keyring,
  account: Account,
  proof: Proof,
): Promise<'code' | 'recovery code' | undefined> {
  const accountId = account.id;
  if ('code' in proof) {
    const sealed = await findSealedSeed(tx, accountId);
    const step = sealed && stepOf(keyring.open(sealed, context(accountId)), proof.code);
    return step !== undefined && (await takeStep(tx, { accountId, step })) ? 'code' : undefined;
  }
  const taken = await takeRecoveryCode(tx, { accountId, digest: proof.recoveryDigest });
  if (!taken) return undefined;
  const left = await countRecoveryCodes(tx, accountId);
  await tell(tx, account, `A recovery code was used to sign in. ${inWords(left)}`);
  return 'recovery code';
}

const inWords = (left: number): string => {
  if (left === 0) return 'It was the last one: make new ones.';
  return left === 1 ? 'One is left.' : `${left} are left.`;
};

async function writeRecoveryCodes(tx: Db, accountId: string): Promise<string[]> {
  const codes = newRecoveryCodes();
  await saveRecoveryCodes(tx, accountId, codes.map(recoveryDigestOf));
  return codes;
}

const tell = (tx: Db, { email, name }: Account, what: string): Promise<unknown> =>
  enqueueLetter(tx, {
    to: email,
    letter: { template: 'second-factor-changed', data: { name, what } },
  });
