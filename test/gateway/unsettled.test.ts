import type { Asked } from '../../src/gateway/asked.ts';
import type { Catalogue } from '../../src/gateway/catalogue.ts';
import { createVerify, type VerifyParts } from '../../src/gateway/verify.ts';

const api = { id: 'any', keyHeader: 'Key', keyParameter: 'key', cors: false, openings: [] };
const catalogue = { apis: new Map([['any', api]]) } as unknown as Catalogue;
const asked: Asked = {
  api: 'any',
  method: 'GET',
  path: '/',
  query: '',
  preflight: false,
  headers: { key: 'one' },
  authorizations: [],
};

test('a call that is never settled is refused in the end, and nothing begun for it is left alone', async () => {
  let begun = 0;
  let waitedFor = 0;
  const find = () => {
    begun += 1;
    return {
      get found() {
        waitedFor += 1;
        return Promise.resolve();
      },
    };
  };
  const errors: unknown[] = [];
  const verify = createVerify({
    catalogue: () => catalogue,
    changes: { age: () => 0, settle: async () => 0, now: () => 0, hear: async () => {} },
    keys: { asOf: () => 0, find },
    demandsCredential: false,
    onError: (error: unknown) => errors.push(error),
  } as unknown as VerifyParts); // its key is asked for anew each time, and nothing else of it
  const { verdict, call } = await verify(asked);
  expect(verdict).toMatchObject({ allowed: false, reason: 'unavailable', status: 503 });
  expect(call).toMatchObject({ apiId: 'any', outcome: 'unavailable' });
  expect(begun).toBeGreaterThan(1);
  expect(waitedFor).toBe(begun);
  expect(errors).toHaveLength(1);
});
