import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import Koa from 'koa';
import type pg from 'pg';
import { createSessions, sessionOf } from '../accounts/session-cookie.ts';
import { deleteSessionsOf } from '../accounts/session-store.ts';
import type { Keyring } from '../base/secrets.ts';
import { csrf, csrfToken } from '../http/csrf.ts';

/** What a browser that is signed in sends with a form of ours. */
export type SignedInForm = { headers: { Cookie: string; Origin: string }; csrf: string };

/** Signs the account in, as if it had just given its password, and out everywhere else. */
export async function signInWithoutBrowser(
  pool: pg.Pool,
  keyring: Keyring,
  { accountId, baseUrl }: { accountId: string; baseUrl: string },
): Promise<SignedInForm> {
  const https = baseUrl.startsWith('https:');
  const app = new Koa({ keys: [...keyring.cookieKeys], proxy: true });
  const request = new IncomingMessage(new Socket());
  request.headers = { 'x-forwarded-proto': https ? 'https' : 'http', 'user-agent': 'Fixtures' };
  const ctx = app.createContext(request, new ServerResponse(request));

  const sessions = createSessions({ pool, https });
  await deleteSessionsOf(pool, accountId);
  await sessions.begin(ctx, pool, accountId);
  let token = '';
  const forms = csrf({ keyring, https, boundTo: (each) => sessionOf(each)?.id ?? null });
  await forms(ctx, async () => {
    token = csrfToken(ctx);
  });
  const cookies = [ctx.response.headers['set-cookie'] ?? []].flat();
  const pairs = cookies.map((cookie) => String(cookie).split(';')[0]);
  return { headers: { Cookie: pairs.join('; '), Origin: baseUrl }, csrf: token };
}
