import type { Context } from 'koa';
import type pg from 'pg';
import type { Account } from '../accounts/account.ts';
import { credentialsAsOf } from '../accounts/account.ts';
import type { DeviceCookie } from '../accounts/sign-in-device.ts';
import {
  type SecondStepParts,
  secondStepProblems,
  takeSecondStep,
} from '../accounts/sign-in-second-step.ts';
import { type WaitingSignIn, waitingIdOf, waitingOf } from '../accounts/sign-in-waiting.ts';
import {
  deleteWaitingSignIn,
  findWaitingSignIn,
  saveWaitingSignIn,
} from '../accounts/sign-in-waiting-store.ts';
import type { Environment } from '../base/environment.ts';
import { TooMany } from '../base/errors.ts';
import { callerOf } from '../http/caller.ts';

/** What the page sent. */
type Given = { code: string; recovery_code: string };

/** Who it was, with `passwordAsOf` as in Subject; or what is wrong, and whether the page can go on. */
type Answer =
  | { sub: string; passwordAsOf: string }
  | { problem: string; status: number; retryAfter?: number; ended: boolean };

/**
 * Between the right password and the answer to the client: held by the interaction, which is its
 * browser's alone, and by nothing that the library would take for a sign-in.
 */
export type SecondSteps = {
  begin(uid: string, account: Account): Promise<void>;
  find(uid: string): Promise<WaitingSignIn | undefined>;
  forget(uid: string): Promise<unknown>;
  take(ctx: Context, uid: string, given: Given): Promise<Answer>;
};

export function secondSteps(
  parts: SecondStepParts & { pool: pg.Pool; devices: DeviceCookie; environment: Environment },
): SecondSteps {
  const { pool, devices, environment } = parts;
  const idOf = (uid: string): Buffer => waitingIdOf(`${environment} interaction ${uid}`);
  return {
    begin: (uid, account) => saveWaitingSignIn(pool, { id: idOf(uid), ...waitingOf(account) }),
    find: (uid) => findWaitingSignIn(pool, idOf(uid)),
    forget: (uid) => deleteWaitingSignIn(pool, idOf(uid)),
    async take(ctx, uid, { code, recovery_code }) {
      const [caller, device] = [callerOf(ctx), devices.find(ctx)];
      const typed = recovery_code.trim() || code;
      const step = { id: idOf(uid), typed, caller, device, environment };
      try {
        const answer = await takeSecondStep(parts, step, async () => {});
        if (typeof answer === 'object') {
          return { sub: answer.account.id, passwordAsOf: credentialsAsOf(answer.account) };
        }
        return { problem: secondStepProblems[answer], status: 422, ended: answer === 'ended' };
      } catch (error) {
        if (!(error instanceof TooMany)) throw error;
        const { message: problem, retryAfter } = error;
        return { problem, status: 429, retryAfter, ended: false };
      }
    },
  };
}
