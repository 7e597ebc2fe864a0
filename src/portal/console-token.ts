import { lookup } from 'node:dns';
import type pg from 'pg';
import { NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { keptSecretOf, testApplicationId } from '../clients/service.ts';
import { transaction } from '../db/pool.ts';
import { onBehalfHeader, onBehalfOf } from '../http/on-behalf.ts';
import { openTestUserPassword } from '../test-users/service.ts';
import { listTestUsersFor } from '../test-users/store.ts';
import { type ConsoleSubscription, findConsoleSubscription } from './console-store.ts';
import { CallFailed, call } from './relay-call.ts';
import { answerShown, type Exchange, requestShown } from './relay-exchange.ts';
import { Refused } from './relay-refusal.ts';

export type TokenParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** What a person chose on the page. */
export type Ask = {
  /** The account. */
  viewer: string;
  /** Of the network, from which they ask. */
  address: string;
  subscriptionId: string;
  grant: 'client_credentials' | 'password';
  scope: string;
  /** Null: the test application of the subscription. */
  client: { id: string; secret: string } | null;
  /** With `password`. */
  user: { testUser: string } | { username: string; password: string } | null;
};

/** A token endpoint's answer (RFC 6749 section 5.1), as far as the page keeps it. */
export type Token = { access_token: string; token_type: string; expires_in: number; scope: string };

/**
 * Asks our own public token endpoint over HTTP, as any client would: what it refuses to others it
 * refuses here. Secrets that the page does not know are put in here, and shown to nobody.
 * @throws {NotFound} `no_subscription`; {Refused} where something is missing.
 */
export async function askForToken(
  parts: TokenParts,
  ask: Ask,
): Promise<Exchange & { token: Token | null }> {
  const { viewer, subscriptionId } = ask;
  const subscription = await findConsoleSubscription(parts.pool, { viewer, id: subscriptionId });
  if (!subscription) throw new NotFound('no_subscription', 'There is no such subscription.');
  const client = ask.client ?? (await testApplicationOf(parts, subscription));
  const user = ask.grant === 'password' ? await userOf(parts, subscription, ask) : null;
  const form = (password: string): string =>
    new URLSearchParams({
      grant_type: ask.grant,
      ...(user && { username: user.username, password }),
      ...(ask.scope && { scope: ask.scope }),
    }).toString();
  const from = onBehalfOf(parts.keyring, ask.address);
  return exchange(parts, client, {
    body: form(user?.password ?? ''),
    shown: form('••••••••'),
    from,
  });
}

const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);

/** Basic (RFC 6749 section 2.3.1). */
async function exchange(
  { baseUrl }: TokenParts,
  client: { id: string; secret: string },
  { body, shown, from }: { body: string; shown: string; from: string },
): Promise<Exchange & { token: Token | null }> {
  const url = new URL(`${baseUrl}/sandbox/token`);
  const basic = Buffer.from(`${encoded(client.id)}:${encoded(client.secret)}`).toString('base64');
  const bytes = Buffer.from(body);
  const request = {
    method: 'POST',
    url,
    headers: [
      ['host', url.host],
      ['accept', 'application/json'],
      ['authorization', `Basic ${basic}`],
      ['content-type', 'application/x-www-form-urlencoded'],
      ['user-agent', 'sandgate-console'],
      [onBehalfHeader, from],
      ['content-length', String(bytes.length)],
      ['connection', 'close'],
    ] as [string, string][],
    body: bytes,
  };
  const at = new Date().toISOString();
  const began = performance.now();
  const took = (): number => Math.round(performance.now() - began);
  const covers: Record<string, string> = {
    authorization: 'Basic ••••••••',
    [onBehalfHeader]: '••••••••',
  };
  const covered: [string, string][] = request.headers.map(([name, value]) => [
    name,
    covers[name] ?? value,
  ]);
  const masked = requestShown(
    { ...request, headers: covered, body: Buffer.from(readable(shown)) },
    [],
  );
  try {
    // our own address, which an operator set, by whatever name this machine knows it
    const answer = await call(request, { mayReach: () => true, resolve: lookup });
    const token = answer.status === 200 ? tokenOf(answer.body) : null;
    const secrets = token ? secretsOf(answer.body) : [];
    return {
      at,
      took: took(),
      request: masked,
      answer: answerShown(answer, secrets),
      failure: null,
      token,
    };
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    const failure = {
      error: error.code,
      error_description: 'Our own token endpoint did not answer.',
    };
    return { at, took: took(), request: masked, answer: null, failure, token: null };
  }
}

/** A mask in the page's own characters. */
const readable = (form: string): string => form.replace(/(%E2%80%A2)+/g, '••••');

const bodyOf = (body: Buffer): Record<string, unknown> => JSON.parse(body.toString('utf8'));

function tokenOf(body: Buffer): Token {
  const { access_token, token_type, expires_in, scope } = bodyOf(body);
  return {
    access_token: String(access_token),
    token_type: String(token_type),
    expires_in: Number(expires_in),
    scope: String(scope ?? ''),
  };
}

const secretsOf = (body: Buffer): string[] =>
  Object.entries(bodyOf(body)).flatMap(([name, value]) =>
    name.endsWith('_token') ? [String(value)] : [],
  );

async function testApplicationOf(
  { pool, keyring }: TokenParts,
  { id }: ConsoleSubscription,
): Promise<{ id: string; secret: string }> {
  const clientId = testApplicationId(id);
  return {
    id: clientId,
    secret: await transaction(pool, (tx) => keptSecretOf(tx, keyring, clientId)),
  };
}

async function userOf(
  { pool, keyring }: TokenParts,
  { teamId }: ConsoleSubscription,
  { user }: Ask,
): Promise<{ username: string; password: string }> {
  if (user && 'username' in user) return user;
  const wanted = user?.testUser ?? '';
  const found = (await listTestUsersFor(pool, teamId)).find(({ id }) => id === wanted);
  if (!found) throw new Refused('test_user', 'Choose a test user: this one is gone.');
  return { username: found.username, password: openTestUserPassword(keyring, found) };
}
