import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { addGateway } from '../src/gateway/gateway-service.ts';
import { saveProductApis } from '../src/products/store.ts';
import { makeKeys, openKey } from '../src/subscriptions/key-service.ts';
import { listKeys } from '../src/subscriptions/key-store.ts';
import { aClient, aProduct, aSubscription } from '../test/support/seed.ts';
import { written } from './load.ts';
import { keyring, type Place } from './place.ts';

export const api = 'patient-record';

/** Everything a verify may know of one caller. */
export type Caller = {
  api: string;
  key: string;
  token: string;
  exp: number;
  subject: string;
  clientId: string;
  scope: string;
  subscriptionId: string;
  productId: string;
  teamId: string;
  limit: number;
};

export type Callers = { gatewayKey: string; all: Caller[]; file: string };

/** So high that nobody reaches it, and low enough that its shares have to be fetched. */
const rate = { calls: 100_000, seconds: 60 };
const scope = 'system/Patient.rs';

/** Teams, each with a subscription to one product with key, token and limit, an application and a token. */
export async function makeCallers(place: Place, count: number): Promise<Callers> {
  const { pool } = place;
  const doer = { actor: { kind: 'system' as const } };
  const { credential } = await addGateway(pool, doer, { name: randomUUID(), baseUrlName: '' });
  const scopes = [{ scope, description: 'Read names', isDefault: true }];
  const product = await aProduct(pool, { scopes, rate });
  await saveProductApis(pool, product.id, [{ id: api, baseUrl: 'sandbox', version: null }]);

  const make = async (): Promise<Caller> => {
    const subscription = await aSubscription(pool, { product });
    await makeKeys(pool, keyring, subscription);
    const [key] = await listKeys(pool, subscription.id);
    if (!key) throw new Error('no key was made');
    const client = await aClient(pool, { subscriptions: [subscription] });
    const token = await buyToken(place, client);
    return {
      api,
      key: openKey(keyring, key),
      token,
      exp: decodeJwt(token).exp ?? 0,
      subject: client.id,
      clientId: client.id,
      scope,
      subscriptionId: subscription.id,
      productId: product.id,
      teamId: subscription.teamId,
      limit: rate.calls,
    };
  };
  const all: Caller[] = [];
  while (all.length < count) {
    const some = Array.from({ length: Math.min(8, count - all.length) }, make);
    all.push(...(await Promise.all(some)));
  }
  const file = join(place.directory, 'verify.json');
  writeFileSync(file, JSON.stringify({ gateways: [{ key: credential }], callers: all }));
  return { gatewayKey: credential, all, file };
}

async function buyToken(
  { server }: Place,
  client: { id: string; secret: string },
): Promise<string> {
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
  const answer = await fetch(`http://127.0.0.1:${server.port}/sandbox/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${basic}`,
      'x-forwarded-host': 'sandgate.example',
      'x-forwarded-proto': 'https',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  });
  const { access_token } = (await answer.json()) as { access_token?: string };
  if (!access_token) throw new Error(`no token: ${answer.status}`);
  return access_token;
}

/** What a gateway asks about one call of this caller. */
export const verifyOf = (gatewayKey: string, caller: { key: string; token: string }): Buffer =>
  written(`/gateway/verify/${api}`, {
    'X-Forwarded-Method': 'GET',
    'X-Forwarded-Uri': '/sandbox-api/fhir/Patient?name=Ada',
    'X-Forwarded-For': '192.0.2.7',
    'X-Gateway-Key': gatewayKey,
    'Ocp-Apim-Subscription-Key': caller.key,
    Authorization: `Bearer ${caller.token}`,
    'User-Agent': 'bench',
    Accept: '*/*',
  });
