import { randomBytes } from 'node:crypto';
import { digest } from '../base/secrets.ts';
import type { Account } from './account.ts';
import { codeOf } from './registration-form.ts';

// What an account is asked for beside its password: a code of an authenticator app (RFC 6238), or
// one of ten recovery codes, each good for one sign-in.

/** What somebody shows, as it was typed and read. */
export type Proof = { code: string } | { recoveryDigest: Buffer };

/** Undefined: neither six digits nor the form of a recovery code. */
export function proofOf(typed: string): Proof | undefined {
  const code = codeOf(typed);
  if (code) return { code };
  const letters = typed
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replaceAll('o', '0')
    .replace(/[il]/g, '1');
  return new RegExp(`^[${alphabet}]{16}$`).test(letters)
    ? { recoveryDigest: digest(letters) }
    : undefined;
}

/** Crockford's: without letters that look like digits or each other. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const recoveryCodeCount = 10;

/** Ten of 80 random bits, such as `k7qd-0w3x-hm9t-4vzb`. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: recoveryCodeCount }, () => {
    const letters = [...randomBytes(16)].map((byte) => alphabet[byte % 32]).join('');
    return letters.replace(/(.{4})(?!$)/g, '$1-');
  });

/** As `proofOf` makes it of the same code typed. */
export const recoveryDigestOf = (code: string): Buffer => digest(code.replaceAll('-', ''));

/**
 * Whether an account may be an administrator just now. `required`: administrators of this programme
 * must have a second factor; every session of an account that has one was begun with it.
 */
export function mayAdminister(
  { roles, hasSecondFactor }: Pick<Account, 'roles' | 'hasSecondFactor'>,
  required: boolean,
): 'yes' | 'set up a second factor first' | 'no role' {
  if (roles.length === 0) return 'no role';
  return required && !hasSecondFactor ? 'set up a second factor first' : 'yes';
}
