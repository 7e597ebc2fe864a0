import type { Middleware } from 'koa';
import type { Keyring } from '../base/secrets.ts';

/**
 * Our console asks our own token endpoint as any client would, for somebody in a browser. What they
 * try there is counted for their network address, not for this server's: it is named in a header
 * that nobody can write who has not the master secret, and nobody can use after a minute.
 */
export const onBehalfHeader = 'x-sandgate-on-behalf';

const context = `header ${onBehalfHeader}`;
const life = 60_000; // milliseconds

/** The header's value. */
export const onBehalfOf = (keyring: Keyring, address: string): string =>
  keyring.seal(JSON.stringify({ address, at: Date.now() }), context).toString('base64url');

/** Puts the browser's address in the place of ours. A header that is not good is as good as none. */
export const believeOurselves =
  (keyring: Keyring): Middleware =>
  (ctx, next) => {
    const named = addressIn(keyring, ctx.get(onBehalfHeader));
    if (named) ctx.request.ip = named;
    return next();
  };

function addressIn(keyring: Keyring, value: string): string | undefined {
  if (!/^[\w-]{1,500}$/.test(value)) return undefined;
  try {
    const { address, at } = JSON.parse(keyring.open(Buffer.from(value, 'base64url'), context));
    return Math.abs(Date.now() - at) < life ? address : undefined;
  } catch {
    return undefined;
  }
}
