import type pg from 'pg';
import { z } from 'zod';
import { InvalidInput, NotFound } from '../base/errors.ts';
import type { ApplicationInput } from '../clients/application.ts';
import {
  changeApplication,
  deleteApplication,
  makeApplication,
} from '../clients/application-service.ts';
import { type Application, findOwnApplication } from '../clients/application-store.ts';
import { authMethods, hasSecret } from '../clients/client.ts';
import { endSecret, makeSecret } from '../clients/secret-service.ts';
import type { Throttle } from '../db/throttle.ts';
import { endClientAccess } from '../oauth/client-ending.ts';
import { grantTypes } from '../products/product.ts';
import { type Overlap, overlaps } from '../subscriptions/key.ts';
import { findClientOf, findForeignSubscription, listClients } from './client-store.ts';
import { textUpTo } from './fields.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';

type Parts = {
  baseUrl: string;
  /** Of one team, with those that its people have sent by pages. */
  letters: Throttle;
};

const addresses = z.array(textUpTo(2000)).max(100);
const members = {
  name: textUpTo(1000),
  auth_method: z.enum(authMethods),
  grant_types: z.array(z.enum(grantTypes)).max(10),
  redirect_uris: addresses,
  post_logout_redirect_uris: addresses,
  allowed_origins: addresses,
  jwks: z.record(z.string(), z.unknown()).nullable(),
  jwks_uri: textUpTo(2000).nullable(),
  subscriptions: z.array(textUpTo(200)).max(200),
};
const making = z.strictObject({
  ...members,
  auth_method: members.auth_method.default('client_secret_basic'),
  redirect_uris: addresses.default([]),
  post_logout_redirect_uris: addresses.default([]),
  allowed_origins: addresses.default([]),
  jwks: members.jwks.default(null),
  jwks_uri: members.jwks_uri.default(null),
});
const changing = z.strictObject(members).partial();
const overlapNames = Object.keys(overlaps) as [Overlap, ...Overlap[]]; // the keys of a record of them

/** The OAuth clients of a team in one environment. */
export const clientOperations = (parts: Parts): Operation[] => [
  operation({
    method: 'GET',
    path: '/clients',
    scope: 'clients:read',
    query: pageQuery,
    run: async ({ pool, teamId, environment, query: { limit, cursor } }) => {
      const after = placeOf(cursor);
      const found = await listClients(pool, { teamId, environment, after, limit });
      return { body: page(found, limit) };
    },
  }),
  operation({
    method: 'POST',
    path: '/clients',
    scope: 'clients:write',
    body: making,
    before: async (call) => hasSecret(call.body.auth_method) && countLetters(parts, call),
    run: async (call) => {
      const { pool, doer, teamId: owner, body } = call;
      await refuseForeign(call, body.subscriptions);
      const input = { ...inputOf(body), owner, subscriptionIds: body.subscriptions };
      const { id, secret } = await makeApplication(at(parts, pool), doer, input);
      const made = { ...(await ownClient(call, id)), secret: secret?.secret ?? null };
      return { status: 201, location: `/clients/${id}`, body: made };
    },
  }),
  operation({
    method: 'GET',
    path: '/clients/:id',
    scope: 'clients:read',
    run: async (call) => ({ body: await ownClient(call) }),
  }),
  operation({
    method: 'PATCH',
    path: '/clients/:id',
    scope: 'clients:write',
    body: changing,
    run: async (call) => {
      const { pool, doer, teamId: owner, body } = call;
      const before = await ownClient(call);
      const id = call.params.id ?? '';
      const subscriptionIds = body.subscriptions ?? before.subscriptions;
      await refuseForeign(call, subscriptionIds);
      const known = (await findOwnApplication(pool, { owner, id })) as Application; // found a line above
      const input = { ...changed(known, body), owner, id, subscriptionIds };
      await changeApplication(at(parts, pool), doer, input);
      return { body: await ownClient(call) };
    },
  }),
  operation({
    method: 'DELETE',
    path: '/clients/:id',
    scope: 'clients:write',
    before: (call) => countLetters(parts, call),
    run: async (call) => {
      await ownClient(call);
      const { pool, doer, teamId: owner, params } = call;
      const which = { owner, id: params.id ?? '' };
      await deleteApplication({ ...at(parts, pool), endClientAccess }, doer, which);
      return undefined;
    },
  }),
  operation({
    method: 'POST',
    path: '/clients/:id/secrets',
    scope: 'clients:write',
    body: z.strictObject({ old: z.enum(['keep', ...overlapNames]).default('keep') }),
    before: (call) => countLetters(parts, call),
    run: async (call) => {
      await ownClient(call);
      const { pool, doer, teamId: owner, params, body } = call;
      const which = { owner, clientId: params.id ?? '', old: body.old };
      const made = await makeSecret(at(parts, pool), doer, which);
      return { status: 201, body: { ...(await ownClient(call)), secret: made.secret } };
    },
  }),
  operation({
    method: 'DELETE',
    path: '/clients/:id/secrets/:secret',
    scope: 'clients:write',
    before: (call) => countLetters(parts, call),
    run: async (call) => {
      await ownClient(call);
      const { pool, doer, teamId: owner, params } = call;
      const which = { owner, clientId: params.id ?? '', secretId: params.secret ?? '' };
      await endSecret(at(parts, pool), doer, { ...which, overlap: 'now' });
      return undefined;
    },
  }),
];

const at = ({ baseUrl }: Parts, pool: pg.Pool) => ({ pool, baseUrl });

/** @throws {TooMany} */
const countLetters = ({ letters }: Parts, { teamId, address }: Omit<Call, 'query' | 'body'>) =>
  letters.attempt({ name: teamId, address });

type Told = { id: string; subscriptions: string[] };

/** @throws {NotFound} for another team's, and for one of the other environment. */
async function ownClient(
  { pool, teamId, environment, params }: Pick<Call, 'pool' | 'teamId' | 'environment' | 'params'>,
  id = params.id ?? '',
): Promise<Told> {
  const found = await findClientOf(pool, { teamId, environment, id });
  if (!found) throw new NotFound('client_not_found', 'There is no such application.');
  return found.item as Told; // the store's own words
}

/** @throws {InvalidInput} */
async function refuseForeign(
  { pool, teamId, environment }: Pick<Call, 'pool' | 'teamId' | 'environment'>,
  ids: readonly string[],
): Promise<void> {
  if (!(await findForeignSubscription(pool, { teamId, environment, ids }))) return;
  throw new InvalidInput({ subscriptions: 'One of these is no subscription of yours here.' });
}

const inputOf = (body: z.output<typeof making>): ApplicationInput => ({
  name: body.name,
  authMethod: body.auth_method,
  grantTypes: body.grant_types,
  redirectUris: body.redirect_uris,
  postLogoutRedirectUris: body.post_logout_redirect_uris,
  allowedOrigins: body.allowed_origins,
  jwks: body.jwks ? JSON.stringify(body.jwks) : '',
  jwksUri: body.jwks_uri ?? '',
});

/** As it is, with what is given in its place; keys that stand here for an address of keys, and back. */
const changed = (before: Application, body: z.output<typeof changing>): ApplicationInput =>
  inputOf({
    name: body.name ?? before.name,
    auth_method: body.auth_method ?? before.authMethod,
    grant_types: body.grant_types ?? before.grantTypes,
    redirect_uris: body.redirect_uris ?? before.redirectUris,
    post_logout_redirect_uris: body.post_logout_redirect_uris ?? before.postLogoutRedirectUris,
    allowed_origins: body.allowed_origins ?? before.allowedOrigins,
    jwks: body.jwks === undefined && !body.jwks_uri ? before.jwks : (body.jwks ?? null),
    jwks_uri:
      body.jwks_uri === undefined && !body.jwks
        ? (before.jwksUri ?? null)
        : (body.jwks_uri ?? null),
    subscriptions: [], // these go beside it
  });
