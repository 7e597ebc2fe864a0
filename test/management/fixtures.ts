import { makeKeys } from '../../src/subscriptions/key-service.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { markOf, type Subscription } from '../../src/subscriptions/subscription.ts';
import {
  aClient,
  anAccount,
  aProduct,
  aSubscription,
  aTeam,
  aTestUser,
  keyring,
} from '../support/seed.ts';
import type { TestServer } from '../support/server.ts';
import type { Caller, Stage } from './stage.ts';

type Given = { server: TestServer; stage: Stage; caller: Caller };
type Request = { params?: Record<string, string>; body?: unknown; query?: string };

/** A request of each operation that is done: what has to be there is made. */
export const fixtures: Record<string, (given: Given) => Promise<Request>> = {
  readProduct: async ({ stage }) => ({ params: { id: stage.products.sandbox.id } }),
  askForSubscription: async ({ server }) => ({
    body: {
      product_id: (await aProduct(server.pool)).id,
      purpose: 'Our pipeline tries what it builds.',
    },
  }),
  readSubscription: async (given) => ({ params: { id: (await ours(given)).id } }),
  changePurpose: async (given) => ({
    params: { id: (await ours(given, 'submitted')).id },
    body: { purpose: 'Our pipeline tries what it builds.' },
  }),
  cancelSubscription: async (given) => ({ params: { id: (await ours(given)).id } }),
  listKeys: async (given) => ({ params: { id: (await withKeys(given)).id } }),
  regenerateKey: async (given) => ({ params: await withKeys(given), body: { overlap: '1h' } }),
  stopKey: async (given) => {
    const params = await withKeys(given);
    const at = `/subscriptions/${params.id}/keys/${params.key}/regenerate`;
    await given.caller.call('POST', at, { body: {} });
    return { params };
  },
  makeClient: async (given) => ({
    body: {
      name: 'Night Import',
      grant_types: ['client_credentials'],
      subscriptions: [(await ours(given)).id],
    },
  }),
  readClient: async (given) => ({ params: { id: (await ourClient(given)).id } }),
  changeClient: async (given) => ({
    params: { id: (await ourClient(given)).id },
    body: { name: 'Another name', redirect_uris: ['https://client.example/back'] },
  }),
  deleteClient: async (given) => ({ params: { id: (await ourClient(given)).id } }),
  makeSecret: async (given) => ({
    params: { id: (await ourClient(given)).id },
    body: { old: '24h' },
  }),
  endSecret: async (given) => {
    const { id } = await ourClient(given);
    const { body } = await given.caller.call('GET', `/clients/${id}`);
    return { params: { id, secret: body.secrets?.[0]?.id ?? 'none' } };
  },
  makeTestUser: async ({ server }) => ({ body: { clone: (await aTestUser(server.pool)).id } }),
  readTestUser: async ({ server }) => ({ params: { id: (await aTestUser(server.pool)).id } }),
  changeTestUser: async ({ server, caller: { team } }) => ({
    params: { id: (await aTestUser(server.pool, { team })).id },
    body: { name: 'Ada Vale', claims: { given_name: 'Ada' }, behaviour: 'slow', patient: null },
  }),
  deleteTestUser: async ({ server, caller: { team } }) => ({
    params: { id: (await aTestUser(server.pool, { team })).id },
  }),
  resetTestUser: async ({ server, caller: { team } }) => ({
    params: { id: (await aTestUser(server.pool, { team })).id },
  }),
  readAnySubscription: async ({ server }) => ({
    params: { id: (await aSubscription(server.pool)).id },
  }),
  approveSubscription: async (given) => {
    const asked = await request(given);
    return { params: { id: asked.id }, body: { reason: 'It fits.', purpose_mark: markOf(asked) } };
  },
  rejectSubscription: async (given) => ({
    params: { id: (await request(given)).id },
    body: { reason: 'It does not fit.' },
  }),
  suspendSubscription: async ({ server }) => ({
    params: { id: (await aSubscription(server.pool)).id },
    body: { reason: 'Too many of them fail.' },
  }),
  resumeSubscription: async ({ server, caller }) => {
    const { id } = await aSubscription(server.pool);
    const body = { reason: 'Mended.' };
    await caller.call('POST', `/programme/subscriptions/${id}/suspend`, { body });
    return { params: { id }, body };
  },
};

const ours = (
  { server, caller: { team } }: Given,
  state: 'active' | 'submitted' = 'active',
): Promise<Subscription> => aSubscription(server.pool, { team, state });

async function withKeys(given: Given): Promise<{ id: string; key: string }> {
  const subscription = await ours(given);
  await makeKeys(given.server.pool, keyring, subscription);
  const [primary] = await listKeys(given.server.pool, subscription.id);
  return { id: subscription.id, key: primary?.id ?? '' };
}

const ourClient = async (given: Given) =>
  aClient(given.server.pool, { subscriptions: [await ours(given)] });

/** Of a team of others, and somebody beside it who could decide. */
async function request({ server: { pool } }: Given): Promise<Subscription> {
  await anAccount(pool, { roles: ['approver'] });
  const team = await aTeam(pool, { members: [await anAccount(pool)] });
  const product = await aProduct(pool, { needsApproval: true });
  const { id } = await aSubscription(pool, { team, product, state: 'submitted' });
  return (await findSubscription(pool, id)) as Subscription;
}
