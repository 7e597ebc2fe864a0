import { digest } from '../base/secrets.ts';
import { type OwnCookie, ownCookie } from '../http/own-cookie.ts';
import { type Account, credentialsAsOf } from './account.ts';

/** Somebody gave the right password and owes the second factor: nobody is signed in by it. */
export type WaitingSignIn = {
  accountId: string;
  /** `credentialsAsOf` when the password was given. */
  asOf: string;
};

/** Seconds, and wrong codes, after which the password must be given again. */
const seconds = 5 * 60;
const tries = 5;

/** What holds it: a random cookie on our own pages, the interaction in a pop-up. */
export const waitingIdOf = (secret: string): Buffer => digest(`waiting sign-in ${secret}`);

export const waitingCookie = (https: boolean): OwnCookie =>
  ownCookie('sg_second_step', { https, maxAge: seconds * 1000 });

/** What a store keeps of a right password of this account. */
export const waitingOf = (
  account: Pick<Account, 'id' | 'passwordChangedAt' | 'secondFactorSince'>,
): WaitingSignIn & { tries: number; seconds: number } => ({
  accountId: account.id,
  asOf: credentialsAsOf(account),
  tries,
  seconds,
});
