import { request } from 'node:http';
import type pg from 'pg';
import type { Environment } from '../../src/base/environment.ts';
import { digest, newId } from '../../src/base/secrets.ts';
import { transaction } from '../../src/db/pool.ts';
import { addGateway } from '../../src/gateway/gateway-service.ts';
import { type Api, usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { makeKeys, openKey } from '../../src/subscriptions/key-service.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { anAccount, aProduct, aSubscription, aTeam, keyring } from '../support/seed.ts';

export const operator = { actor: { kind: 'system', id: null } } as const;

/** An API at https://api.example/<id>, opened by these products; its document names what a test gives. */
export async function anApi(
  pool: pg.Pool,
  {
    products,
    document = {},
    baseUrl = 'main',
    ...given
  }: Partial<Api> & { products: Product[]; baseUrl?: string },
): Promise<Api> {
  const id = given.id ?? `api-${newId().toLowerCase()}`;
  const api: Api = {
    id,
    name: id,
    description: '',
    version: '1',
    document: { openapi: '3.1.0', info: { title: id, version: '1' }, paths: {}, ...document },
    otherVersions: [],
    baseUrls: [],
    ...usualCalls,
    ...given,
  };
  await transaction(pool, (tx) => upsertApi(tx, api));
  await upsertBaseUrl(pool, id, { name: baseUrl, url: `https://api.example/${id}` });
  for (const product of products) {
    await saveProductApis(pool, product.id, [{ id, version: null, baseUrl }]);
  }
  return api;
}

/** A gateway's credential. */
export async function aGateway(
  pool: pg.Pool,
  given: { name?: string; baseUrlName?: string } = {},
): Promise<string> {
  const { name = `gateway ${newId()}`, baseUrlName = '' } = given;
  return (await addGateway(pool, operator, { name, baseUrlName })).credential;
}

/** The values of a subscription's keys, the primary one first, with their ids. */
export async function keysOf(
  pool: pg.Pool,
  subscription: Pick<Subscription, 'id' | 'environment'>,
): Promise<{ id: string; value: string }[]> {
  await transaction(pool, (tx) => makeKeys(tx, keyring, subscription));
  const keys = await listKeys(pool, subscription.id);
  return keys.map((key) => ({ id: key.id, value: openKey(keyring, key) }));
}

/** A product, an API of it, a subscription and its key. */
export async function aKeyed(
  pool: pg.Pool,
  given: Parameters<typeof aProduct>[1] & { document?: Record<string, unknown> } = {},
) {
  const { document, ...ofProduct } = given;
  const product = await aProduct(pool, { credentials: 'key', ...ofProduct });
  const api = await anApi(pool, { products: [product], ...(document && { document }) });
  const member = await anAccount(pool);
  const team = await aTeam(pool, { members: [member] });
  const subscription = await aSubscription(pool, { product, team });
  const [primary, secondary] = await keysOf(pool, subscription);
  return {
    product,
    api,
    subscription,
    member: { actor: { kind: 'account', id: member.id } } as const,
    key: primary?.value ?? '',
    secondary: secondary?.value ?? '',
  };
}

export type Told = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  body: { statusCode?: number; message?: string; reason?: string; requestId?: string };
};

export type Question = {
  api: string;
  /** Behind the API in the address. */
  behind?: string;
  method?: string;
  key?: string;
  token?: string;
  gateway?: string;
  headers?: Record<string, string | string[]>;
};

/** What a gateway asks, with the address exactly as written: fetch would resolve it. */
export function verify(baseUrl: string, question: Question): Promise<Told> {
  const { api, behind = '', method = 'GET', key, token, gateway, headers } = question;
  const { hostname, port } = new URL(baseUrl);
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        hostname,
        port,
        method,
        path: `/gateway/verify/${api}${behind}`,
        headers: {
          ...(key !== undefined && { 'Ocp-Apim-Subscription-Key': key }),
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...(gateway !== undefined && { 'X-Gateway-Key': gateway }),
          ...headers,
        },
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          const isJson = String(answer.headers['content-type']).includes('json');
          const body = isJson && text ? JSON.parse(text) : {};
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body });
        });
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

/** A token of a client's own; of a test user where one is named. */
export async function tokenOf(
  baseUrl: string,
  client: { id: string; secret: string },
  given: {
    environment?: Environment;
    scope?: string;
    resource?: string;
    username?: string;
    password?: string;
  } = {},
): Promise<{ access_token: string; id_token?: string; refresh_token?: string }> {
  const { environment = 'sandbox', ...rest } = given;
  const answer = await fetch(`${baseUrl}/${environment}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: given.username ? 'password' : 'client_credentials',
      ...rest,
    }),
  });
  const body = (await answer.json()) as { access_token?: string };
  if (!body.access_token) throw new Error(JSON.stringify(body));
  return body as { access_token: string };
}

/** Ends a gateway's credential, and says so as a commit of the programme's desk does. */
export async function endCredentialOf(pool: pg.Pool, credential: string): Promise<void> {
  await pool.query('update gateway_credentials set expires_at = now() where digest = $1', [
    digest(credential),
  ]);
}
