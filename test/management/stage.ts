import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { parse } from 'yaml';
import type { Environment } from '../../src/base/environment.ts';
import { transaction } from '../../src/db/pool.ts';
import type { OpenApi } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import type { Team } from '../../src/teams/team.ts';
import { post } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import type { TestServer } from '../support/server.ts';

export const document = parse(
  readFileSync(new URL('../../programme/apis/management.yaml', import.meta.url), 'utf8'),
) as OpenApi;

/** What the shipped products of this API say, made small. */
export type Stage = {
  products: Record<'sandbox' | 'live' | 'programme', Product>;
};

/** The API of the catalogue, and the products that open it. */
export async function aStage(pool: pg.Pool): Promise<Stage> {
  const api = {
    id: 'management',
    name: 'Management',
    version: '1.0.0',
    description: '',
    document,
    otherVersions: [],
    baseUrls: [],
    keyHeader: 'Ocp-Apim-Subscription-Key',
    keyParameter: 'subscription-key',
    cors: true,
  };
  await transaction(pool, (tx) => upsertApi(tx, api));
  const made = async (id: string, environment: Environment, scopes: readonly string[]) => {
    await upsertBaseUrl(pool, 'management', { name: id, url: `https://${id}.example/api/v1` });
    const product = await aProduct(pool, {
      id,
      environment,
      visibility: id === 'manage-programme' ? 'invited' : 'everybody',
      grantTypes: ['client_credentials'],
      scopes: scopes.map((scope) => ({ scope, description: scope, isDefault: false })),
      roleScopes: {},
    });
    await saveProductApis(pool, id, [{ id: 'management', version: null, baseUrl: id }]);
    return product;
  };
  const all = Object.keys(scopesOfDocument());
  const ofTeams = all.filter((scope) => !scope.startsWith('programme:'));
  return {
    products: {
      // a team's product that names the programme's scopes, as a slip of a publisher's would have it
      sandbox: await made('manage-sandbox', 'sandbox', all),
      live: await made('manage-live', 'live', all),
      programme: await made('manage-programme', 'live', [
        ...all.filter((one) => !ofTeams.includes(one)),
        'teams:read',
      ]),
    },
  };
}

export const scopesOfDocument = (): Record<string, string> =>
  // biome-ignore lint: the document is ours
  (document as any).components.securitySchemes.oauth2.flows.clientCredentials.scopes;

/** Somebody who calls. */
export type Caller = {
  clientId: string;
  secret: string;
  team: Team;
  call(
    method: string,
    path: string,
    more?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Told>;
};
export type Told = {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of JSON
  body: any;
};

/** A client with a token of all scopes that it can get. */
export async function aCaller(
  server: TestServer,
  stage: Stage,
  given: { on: 'sandbox' | 'live' | 'programme'; team?: Team; scopes?: readonly string[] },
): Promise<Caller & { token: string }> {
  const product = stage.products[given.on];
  const team =
    given.team ?? (await aTeam(server.pool, { members: [await anAccount(server.pool)] }));
  const client =
    given.on === 'programme'
      ? await aClient(server.pool, { products: [product], grantTypes: ['client_credentials'] })
      : await aClient(server.pool, {
          subscriptions: [await aSubscription(server.pool, { team, product })],
          grantTypes: ['client_credentials'],
        });
  const all = Object.keys(scopesOfDocument());
  const own = given.on === 'programme' ? all.filter((one) => one.startsWith('programme:')) : all;
  const issuer = given.on === 'sandbox' ? server.sandbox : server.live;
  const { body } = await post(`${issuer}/token`, client, {
    grant_type: 'client_credentials',
    resource: product.audience,
    scope: (given.scopes ?? own).join(' '),
  });
  const token = String(body.access_token);
  return { clientId: client.id, secret: client.secret, team, token, call: callAs(server, token) };
}

export const callAs =
  (server: TestServer, token: string | null): Caller['call'] =>
  async (method, path, { body, headers = {} } = {}) => {
    const answer = await fetch(`${server.baseUrl}/api/v1${path}`, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text.startsWith('{') ? JSON.parse(text) : {},
    };
  };
