import type { Asked } from '../../src/gateway/asked.ts';
import type { Catalogue } from '../../src/gateway/catalogue.ts';
import { newCredential } from '../../src/gateway/gateway.ts';
import { createVerify, type VerifyParts } from '../../src/gateway/verify.ts';

const empty: Catalogue = {
  apis: new Map(),
  products: new Map(),
  gatewayWith: () => undefined,
  isStopped: () => false,
  isAudience: () => false,
};

/** How often the database is asked before these headers are refused. */
async function askedFor(headers: Asked['headers']): Promise<number> {
  let times = 0;
  const parts = {
    catalogue: () => empty,
    changes: {
      age: () => 0,
      settle: async () => 0,
      now: () => 0,
      hear: async () => {
        times += 1;
      },
    },
    keys: { asOf: () => 0 },
    demandsCredential: true,
    onError: () => {},
  } as unknown as VerifyParts; // nobody comes as far as keys and tokens
  const asked: Asked = {
    api: 'any',
    method: 'GET',
    path: '/',
    query: '',
    preflight: false,
    headers,
    authorizations: [],
  };
  const { verdict } = await createVerify(parts)(asked);
  expect(verdict).toMatchObject({ allowed: false, reason: 'gateway_unknown' });
  return times;
}

test('a stranger without any credential is refused without asking the database', async () => {
  expect(await askedFor({})).toBe(0);
  expect(await askedFor({ 'x-gateway-key': '' })).toBe(0);
});

test('one that may have been made this moment is asked for', async () => {
  expect(await askedFor({ 'x-gateway-key': newCredential() })).toBe(1);
});
