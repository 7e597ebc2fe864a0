import type { Context } from 'koa';
import { digest, newSecret } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { callerOf } from '../http/caller.ts';
import { ownCookie } from '../http/own-cookie.ts';
import { labelOf } from './session.ts';
import { isKnownDevice, listDevices } from './sign-in-store.ts';

/** Days that the cookie lasts; how long the other end is kept is a setting, KEEP_DEVICES_DAYS. */
const deviceDays = 365;

/** Outlasts the session. Null in `find`: this browser has never been at our sign-in form. */
export type DeviceCookie = {
  find(ctx: Context): Buffer | null;
  /** Found, or made; its days begin anew. */
  meet(ctx: Context): Buffer;
};

export function deviceCookie(https: boolean): DeviceCookie {
  const cookie = ownCookie('sg_device', { https, maxAge: deviceDays * 24 * 3_600_000 });
  // with the label, so that a cookie copied into another kind of browser is a new device
  const deviceOf = (ctx: Context, value: string): Buffer =>
    digest(`${value} ${labelOf(callerOf(ctx).userAgent)}`);
  return {
    find(ctx) {
      const value = cookie.read(ctx);
      return value === undefined ? null : deviceOf(ctx, value);
    },
    meet(ctx) {
      const value = cookie.read(ctx) ?? newSecret();
      cookie.write(ctx, value);
      return deviceOf(ctx, value);
    },
  };
}

/**
 * The name that a throttle counts: a browser in which this account has signed in before is counted
 * apart, or a stranger who guesses for ever would keep its owner out.
 */
export const countedAs = async (
  db: Db,
  name: string,
  whose: ({ email: string } | { accountId: string }) & { device: Buffer | null },
): Promise<string> =>
  whose.device && (await isKnownDevice(db, whose)) ? onDevice(name, whose.device) : name;

const onDevice = (name: string, device: Buffer): string =>
  `${name}\0known device\0${device.toString('hex')}`;

/** What was tried under that name, in whatever browser, counts no more: its owner has shown themselves. */
export async function forgetTries(
  db: Db,
  throttle: Pick<Throttle, 'clear'>,
  { accountId, name }: { accountId: string; name: string },
): Promise<void> {
  const devices = await listDevices(db, accountId);
  const names = [name, ...devices.map((device) => onDevice(name, device))];
  for (const one of names) await throttle.clear(one);
}
