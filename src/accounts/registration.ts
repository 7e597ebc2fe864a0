import { randomInt } from 'node:crypto';
import type { Keyring } from '../base/secrets.ts';

/** What somebody typed to get an account, until the address is proven: it is no account yet. */
export type Registration = {
  id: string;
  email: string;
  name: string;
  /** Empty: none was given. */
  teamName: string;
  /** A path of ours. */
  returnTo: string;
};

/** Hours that link and code are good for. */
export const registrationHours = 24;
/** Wrong tries that one code takes. */
export const codeTries = 5;

export const newCode = (): string => String(randomInt(1_000_000)).padStart(6, '0');

/** A million codes are few: bound to its row by the server's key, a stolen digest can be tried nowhere. */
export const codeDigest = (keyring: Keyring, id: string, code: string): Buffer =>
  keyring.fingerprint(`registration-code:${id}:${code}`);
