import type { Keyring } from '../base/secrets.ts';

// The way back, as a row keeps it: into a pop-up it holds an interaction's id, which its browser has
// as a cookie, and a dump of the database shall show nobody's cookies.

/** `row`: what makes it useless in any other. */
export const sealReturn = (keyring: Keyring, row: string, returnTo: string): string =>
  keyring.seal(returnTo, context(row)).toString('base64url');

export const openReturn = (keyring: Keyring, row: string, kept: string): string =>
  keyring.open(Buffer.from(kept, 'base64url'), context(row));

const context = (row: string): string => `return_to ${row}`;
