import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addGateway } from '../../src/gateway/gateway-service.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { makeKeys, openKey } from '../../src/subscriptions/key-service.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import { applyDemo } from '../support/demo.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser, keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The address of the sample API, which is the same before and behind a gateway. */
export const base = '/sandbox-api/fhir';

/** The sample API of the demo programme, and what came through to it. */
export type Care = {
  server: TestServer;
  /** The gateway's own credential. */
  gatewayKey: string;
  /** What a gateway is to send calls on to, and what it did send. */
  api: { address: string; reached: Reached[] };
  close(): Promise<void>;
};

export type Reached = { method: string; url: string; headers: IncomingHttpHeaders; body: string };

export async function startCare(databaseUrl: string): Promise<Care> {
  const server = await startServer({ databaseUrl });
  await applyDemo(server);
  const doer = { actor: { kind: 'system' as const } };
  const { credential } = await addGateway(server.pool, doer, { name: 'Test', baseUrlName: '' });
  const api = await startApi(server.baseUrl);
  return {
    server,
    gatewayKey: credential,
    api,
    async close() {
      await api.close();
      await server.close();
    },
  };
}

/** Notes what comes and hands it on to the sample API. */
async function startApi(baseUrl: string) {
  const reached: Reached[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const body = await textOf(request);
    reached.push({ method, url, headers, body });
    const { authorization = '', accept = '*/*' } = headers;
    const answer = await fetch(`${baseUrl}${url}`, {
      method,
      headers: { authorization, accept, 'content-type': headers['content-type'] ?? 'text/plain' },
      ...(body && { body }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    reached,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

export type Caller = {
  key: string;
  token: string;
  /** What a gateway is to tell the API of this caller. */
  identity: Record<string, string>;
};

const scopes = ['system/Patient.rs', 'system/Observation.rs', 'user/Patient.rs'].map((scope) => ({
  scope,
  description: 'Read records',
  isDefault: true,
}));
const roleScopes = { gp: ['user/Patient.rs'] };

/** A machine with a subscription to a product of its own, which opens the sample API. */
export async function aCaller(
  care: Care,
  given: Partial<Product> = {},
  scope = 'system/Patient.rs system/Observation.rs',
): Promise<Caller> {
  const asked = { grant_type: 'client_credentials', scope };
  return aCallerWith(care, given, asked, { 'x-auth-subject': '', 'x-auth-test-user': 'false' });
}

/** A test user at an application of such a subscription. */
export async function aPersonCalling(care: Care): Promise<Caller> {
  const { username, password, id } = await aTestUser(care.server.pool, {});
  const asked = { grant_type: 'password', scope: 'user/Patient.rs', username, password };
  return aCallerWith(care, {}, asked, { 'x-auth-subject': id, 'x-auth-test-user': 'true' });
}

async function aCallerWith(
  { server: { pool, sandbox } }: Care,
  given: Partial<Product>,
  asked: { grant_type: string; scope: string },
  identity: Record<string, string>,
): Promise<Caller> {
  const product = await aProduct(pool, { scopes, roleScopes, ...given });
  const opened = { id: 'patient-record', baseUrl: 'sandbox', version: null };
  await saveProductApis(pool, product.id, [opened]);
  const subscription = await aSubscription(pool, { product });
  const client = await aClient(pool, { subscriptions: [subscription] });
  await makeKeys(pool, keyring, subscription);
  const [key] = await listKeys(pool, subscription.id);
  if (!key) throw new Error('no key was made');
  const { body } = await post(`${sandbox}/token`, client, asked);
  return {
    key: openKey(keyring, key),
    token: String(body.access_token),
    identity: {
      'x-subscription-id': subscription.id,
      'x-product-id': product.id,
      'x-developer-id': subscription.teamId,
      'x-auth-client-id': client.id,
      'x-auth-scope': asked.scope,
      'x-auth-environment': 'sandbox',
      ...identity,
    },
  };
}

/** What a caller sends to say who it is. */
export const credentialsOf = ({ key, token }: Caller): Record<string, string> => ({
  'ocp-apim-subscription-key': key,
  authorization: `Bearer ${token}`,
});
