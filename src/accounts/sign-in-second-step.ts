import type pg from 'pg';
import type { Action } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import type { Environment } from '../base/environment.ts';
import { TooMany } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { type Account, credentialsAsOf } from './account.ts';
import { holdAccount } from './own-account-store.ts';
import { proofOf } from './second-factor.ts';
import { takeProof } from './second-factor-service.ts';
import { countedAs } from './sign-in-device.ts';
import { deleteWaitingSignIn, findWaitingSignIn, takeWaitingTry } from './sign-in-waiting-store.ts';
import { findAccount } from './store.ts';

export type SecondStepParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** Of wrong codes, over all sign-ins of one account. */
  secondFactorThrottle: Throttle;
};

/** `id`: of the waiting sign-in. `device`: null where the browser brought none. */
export type SecondStep = {
  id: Buffer;
  typed: string;
  caller: Caller;
  device: Buffer | null;
  environment?: Environment;
};

/** `ended`: the password must be given again. */
export type SecondStepAnswer = { account: Account } | 'not a code' | 'wrong' | 'ended';

/**
 * Finishes a sign-in that waits, once. `begin` makes whatever it opens, in the same transaction.
 * @throws {TooMany} when this account had too many wrong codes, or this network address sent them.
 */
export async function takeSecondStep(
  parts: SecondStepParts,
  step: SecondStep,
  begin: (tx: Db, account: Account) => Promise<unknown>,
): Promise<SecondStepAnswer> {
  const { pool, keyring, secondFactorThrottle: throttle } = parts;
  const waiting = await findWaitingSignIn(pool, step.id);
  if (!waiting) return 'ended';
  const { accountId } = waiting;
  const proof = proofOf(step.typed);
  if (!proof) return 'not a code';

  const { device, caller } = step;
  const who = {
    name: await countedAs(pool, accountId, { accountId, device }),
    account: accountId,
    address: caller.address,
  };
  await throttle.attempt(who).catch(async (error) => {
    if (error instanceof TooMany && error.first) await refused(pool, step, accountId, error);
    throw error;
  });
  const answer = await transaction(pool, async (tx): Promise<SecondStepAnswer> => {
    await holdAccount(tx, accountId);
    if (!(await takeWaitingTry(tx, step.id))) return 'ended';
    const account = await findAccount(tx, accountId);
    if (!account || credentialsAsOf(account) !== waiting.asOf) {
      await deleteWaitingSignIn(tx, step.id);
      return 'ended';
    }
    const taken = await takeProof(tx, keyring, account, proof);
    if (!taken) {
      await failed(tx, step, accountId, 'wrong code');
      return 'wrong';
    }
    await deleteWaitingSignIn(tx, step.id);
    if (taken === 'recovery code') await note(tx, step, accountId, 'recovery_code.used');
    await begin(tx, account); // last, so that no cookie goes out for what failed
    return { account };
  });
  if (typeof answer === 'object') await throttle.succeeded(who);
  return answer;
}

/** The owner is told of guesses at their own account only, not of those of others from its network. */
const refused = (pool: pg.Pool, step: SecondStep, accountId: string, { code }: TooMany) =>
  transaction(pool, async (tx) => {
    await failed(tx, step, accountId, 'too many attempts');
    const account = code === 'too_many_attempts' && (await findAccount(tx, accountId));
    if (!account) return;
    const { email: to, name } = account;
    await enqueueLetter(tx, { to, letter: { template: 'second-factor-tried', data: { name } } });
  });

const note = (db: Db, { caller, environment }: SecondStep, id: string, action: Action) =>
  recordAct(db, { actor: { kind: 'account', id }, action, caller, environment });

const failed = (db: Db, { caller, environment }: SecondStep, id: string, reason: string) =>
  recordAct(db, {
    actor: { kind: 'stranger' },
    action: 'second_factor.failed',
    subject: { kind: 'account', id },
    caller,
    environment,
    reason,
  });

export const secondStepProblems = {
  'not a code': 'Type the six digits that your app shows, or one of your recovery codes.',
  wrong: 'This code is wrong, or it was used before. Wait for the next one in your app.',
  ended: 'This sign-in has ended. Give your password again.',
} as const;
