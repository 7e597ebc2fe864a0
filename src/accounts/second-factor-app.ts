import { Secret, TOTP } from 'otpauth';

// What authenticator apps understand (RFC 6238): six digits, a new one every thirty seconds.
// SHA-1, because several of them silently take it whatever the address says; as an HMAC it holds.

const form = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** 160 random bits in base32: what app and server share. */
export const newSeed = (): string => new Secret({ size: 20 }).base32;

/** In groups of four, for whoever types it. */
export const groupsOf = (seed: string): string => seed.replace(/(.{4})(?!$)/g, '$1 ');

/** What the picture says to the app: `otpauth://totp/…`. */
export const addressOf = (seed: string, { brand, email }: { brand: string; email: string }) =>
  new TOTP({ ...form, secret: seed, issuer: brand, label: email }).toString();

/** The time step that this is the code of, now or one step to either side; clocks differ. */
export function stepOf(seed: string, code: string, now = Date.now()): number | undefined {
  const totp = new TOTP({ ...form, secret: seed });
  const away = totp.validate({ token: code, window: 1, timestamp: now });
  return away === null ? undefined : totp.counter({ timestamp: now }) + away;
}
