import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type pg from 'pg';
import { freshlySignedIn, signedIn } from '../../src/accounts/session-cookie.ts';
import { createApp } from '../../src/app.ts';
import { createLogger } from '../../src/base/log.ts';
import type { Passwords } from '../../src/base/passwords.ts';
import { checkCsrf } from '../../src/http/csrf.ts';
import { keyring } from '../support/seed.ts';

export type Doors = { baseUrl: string; close(): Promise<void> };

/**
 * The real app, and behind it three pages that need a sign-in: /private, /private/form (which
 * takes a POST) and /guarded, which needs a fresh one.
 */
export async function startDoors(given: {
  pool: pg.Pool;
  passwords: Passwords;
  /** The public address where there is a proxy in front. */
  behindProxy?: string;
}): Promise<Doors & { address: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const baseUrl = given.behindProxy ?? address;
  const app = await createApp({
    pool: given.pool,
    keyring,
    passwords: given.passwords,
    log: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    baseUrl,
    trustProxy: given.behindProxy !== undefined,
    watch: false,
    brand: 'Northmoor Shared Care Record',
    consoleClientId: null,
    limitAddresses: false,
  });
  app.pages.use(async (ctx) => {
    if (ctx.path === '/private') ctx.body = `This is for ${signedIn(ctx).name}.`;
    if (ctx.path === '/guarded') ctx.body = `Change it, ${freshlySignedIn(ctx).name}.`;
    if (ctx.path === '/private/form' && ctx.method === 'POST') {
      signedIn(ctx);
      checkCsrf(ctx, ctx.get('x-csrf'));
      ctx.body = 'changed';
    }
  });
  server.on('request', app.callback());
  return {
    baseUrl,
    address,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await app.close();
    },
  };
}

/** `name=value` of each cookie that an answer sets, joined as a browser sends them. */
export const cookiesOf = (answer: Response, earlier = ''): string => {
  const jar = new Map<string, string>();
  for (const pair of earlier.split('; ').filter(Boolean)) put(jar, pair);
  for (const line of answer.headers.getSetCookie()) {
    const [pair = ''] = line.split(';');
    if (/expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(pair.slice(0, pair.indexOf('=')));
    else put(jar, pair);
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
};

const put = (jar: Map<string, string>, pair: string): void => {
  const at = pair.indexOf('=');
  jar.set(pair.slice(0, at), pair.slice(at + 1));
};

/** The token in the first form of a page. */
export const csrfIn = (html: string): string =>
  /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? 'there is none';

export type Visitor = { cookies: string; csrf: string };

/** Whoever has the sign-in form open. `headers`: what the proxy in front adds. */
export async function atTheDoor(
  { address }: { address: string },
  { cookies = '', headers = {} }: { cookies?: string; headers?: Record<string, string> } = {},
): Promise<Visitor> {
  const answer = await fetch(`${address}/sign-in`, {
    headers: { accept: 'text/html', cookie: cookies, ...headers },
    redirect: 'manual',
  });
  return { cookies: cookiesOf(answer, cookies), csrf: csrfIn(await answer.text()) };
}

/** Sends the form, right or wrong. */
export const knock = (
  { address }: { address: string },
  { cookies, csrf }: Visitor,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${address}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { accept: 'text/html', cookie: cookies, ...headers },
    body: new URLSearchParams({ csrf, ...fields }),
  });

/** Cookies of a browser that has signed in. */
export async function enter(
  doors: { address: string },
  fields: { email: string; password: string },
  { cookies = '', headers = {} }: { cookies?: string; headers?: Record<string, string> } = {},
): Promise<string> {
  const visitor = await atTheDoor(doors, { cookies, headers });
  const answer = await knock(doors, visitor, fields, headers);
  if (answer.status !== 303) throw new Error(`not signed in: ${answer.status}`);
  return cookiesOf(answer, visitor.cookies);
}

export const look = (
  { address }: { address: string },
  path: string,
  cookies: string,
  init: RequestInit = {},
): Promise<Response> =>
  fetch(`${address}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { accept: 'text/html', cookie: cookies, ...init.headers },
  });
