import { operations } from '../../src/management/routes.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { fixtures } from './fixtures.ts';
import { diceOf, flat, invalid, newSeed, valid } from './generator.ts';
import {
  type Documented,
  documented,
  misfits,
  resolveSchema,
  schemaMisfits,
} from './operations.ts';
import { aCaller, aStage, type Caller, callAs, type Stage, scopesOfDocument } from './stage.ts';

const seed = newSeed();
const own = operations({ baseUrl: '', keyring, pool: null as never, letters: null as never });
const withScope = documented.filter(({ scope }) => scope !== null);
const sameAs = ({ method, path }: Documented) =>
  own.find((one) => one.method === method && one.path.replace(/:(\w+)/g, '{$1}') === path);

describe('the document of the management API says what the server does', () => {
  test('every operation is in both, with the same scope', () => {
    const said = withScope.map(({ method, path, scope }) => `${method} ${path} ${scope}`);
    const done = own.map(
      (one) => `${one.method} ${one.path.replace(/:(\w+)/g, '{$1}')} ${one.scope}`,
    );
    expect(said.sort()).toEqual(done.sort());
    expect(new Set(documented.map(({ id }) => id)).size).toBe(documented.length);
  });

  test('every scope is used, and there is no other', () => {
    const used = new Set(withScope.map(({ scope }) => scope));
    expect([...used].sort()).toEqual(Object.keys(scopesOfDocument()).sort());
  });

  test('every write may carry a key of its own', () => {
    const writes = withScope.filter(({ method }) => method !== 'GET');
    expect(writes.filter(({ headers }) => !headers.includes('Idempotency-Key'))).toEqual([]);
  });

  test.each(withScope.filter(({ body }) => body))('$id shows a body that fits', (one) => {
    expect(schemaMisfits(one.body ?? {}, one.example)).toEqual([]);
    expect(sameAs(one)?.body?.safeParse(one.example).error?.issues).toBeUndefined();
  });

  test.each(withScope.filter(({ body }) => body))(
    '$id takes each body that it documents',
    (one) => {
      const dice = diceOf(seed);
      const schema = sameAs(one)?.body;
      for (let i = 0; i < 50; i += 1) {
        const body = valid(one.body ?? {}, dice);
        const read = schema?.safeParse(body);
        expect({ seed, body, issues: read?.error?.issues }).toEqual({
          seed,
          body,
          issues: undefined,
        });
      }
    },
  );
});

describe('requests made of the document', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let stage: Stage;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    stage = await aStage(server.pool);
  });
  afterAll(() => server.close());

  const callerOf = ({ scope, id }: Documented, scopes?: readonly string[]): Promise<Caller> => {
    const programme = scope?.startsWith('programme:');
    const on = programme ? 'programme' : id.includes('TestUser') ? 'sandbox' : 'sandbox';
    return aCaller(server, stage, { on, ...(scopes && { scopes }) });
  };
  const placed = (path: string, params: Record<string, string> = {}) =>
    path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'nobody');

  test('the document itself is served, with this address in it', async () => {
    const told = await callAs(server, null)('GET', '/openapi.json');
    expect(told.status).toBe(200);
    expect(told.body.servers).toEqual([{ url: `${server.baseUrl}/api/v1` }]);
    expect(Object.keys(told.body.paths)).toEqual(
      Object.keys((await import('./stage.ts')).document.paths as object),
    );
  });

  test.each(withScope)('$id is done, and answered as documented', async (one) => {
    const caller = await callerOf(one);
    const {
      params,
      body,
      query = '',
    } = (await fixtures[one.id]?.({ server, stage, caller })) ?? {};
    const told = await caller.call(one.method, `${placed(one.path, params)}${query}`, { body });
    expect({ status: told.status, problem: told.body.detail, misfits: misfits(one, told) }).toEqual(
      {
        status: Number(Object.keys(one.answers)[0]),
        problem: undefined,
        misfits: [],
      },
    );
  });

  test.each(withScope)(
    '$id is refused without a token, without the scope, and where nothing is',
    async (one) => {
      const { params, body } =
        (await fixtures[one.id]?.({ server, stage, caller: await callerOf(one) })) ?? {};
      const at = placed(one.path, params);
      const none = await callAs(server, null)(one.method, at, { body });
      const others = Object.keys(scopesOfDocument()).filter(
        (scope) =>
          scope !== one.scope &&
          scope.startsWith('programme:') === one.scope?.startsWith('programme:'),
      );
      const poor = await (await callerOf(one, others)).call(one.method, at, { body });
      expect(
        [none, poor].map((told) => ({ status: told.status, wrong: misfits(one, told) })),
      ).toEqual([
        { status: 401, wrong: [] },
        { status: 403, wrong: [] },
      ]);
      expect(none.headers.get('www-authenticate')).toBe('Bearer realm="management"');
      expect(poor.headers.get('www-authenticate')).toContain(`error="insufficient_scope"`);
      expect(poor.headers.get('www-authenticate')).toContain(`scope="${one.scope}"`);
      if (!one.path.includes('{')) return;
      const missing = await (await callerOf(one)).call(one.method, placed(one.path), { body });
      expect({ status: missing.status, wrong: misfits(one, missing) }).toEqual({
        status: 404,
        wrong: [],
      });
    },
  );

  test.each(withScope.filter(({ body }) => body))(
    '$id refuses each body that it does not document',
    async (one) => {
      const dice = diceOf(seed);
      const caller = await callerOf(one);
      const { params, body: good } = (await fixtures[one.id]?.({ server, stage, caller })) ?? {};
      const schema = one.body ?? {};
      const raw = [
        '{',
        '{"a":',
        'null',
        '[]',
        '"\\ud800"',
        '\uFFFD',
        `{"name":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      ];
      const wrong: { why: string; value: unknown }[] = [
        ...invalid(schema, dice).filter(
          ({ value }) =>
            schemaMisfits(schema, value).length > 0 || JSON.stringify(value).includes('\\u0000'),
        ),
        ...raw.map((value) => ({ why: `raw ${value.slice(0, 20)}`, value })),
      ];
      for (const { why, value } of wrong) {
        const told = await caller.call(one.method, placed(one.path, params), { body: value });
        const refused = [400, 409, 422].includes(told.status);
        expect({ seed, why, refused, misfits: misfits(one, told) }).toEqual({
          seed,
          why,
          refused: true,
          misfits: [],
        });
      }
      const asForm = await caller.call(one.method, placed(one.path, params), {
        body: 'a=b',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      const tooMuch = await caller.call(one.method, placed(one.path, params), {
        body: { ...(good as object), x: 'x'.repeat(70_000) },
      });
      expect([asForm.status, tooMuch.status]).toEqual([415, 413]);
      expect([...misfits(one, asForm), ...misfits(one, tooMuch)]).toEqual([]);
    },
  );

  test.each(withScope.filter(({ body }) => body))(
    '$id never breaks over what it documents',
    async (one) => {
      const dice = diceOf(seed);
      const caller = await callerOf(one);
      for (let i = 0; i < 15; i += 1) {
        const { params, body: good } =
          i % 5 ? {} : ((await fixtures[one.id]?.({ server, stage, caller })) ?? {});
        const body = {
          ...(valid(one.body ?? {}, dice) as object),
          ...(dice(2) === 1 && (good as object)),
        };
        const told = await caller.call(one.method, placed(one.path, params), { body });
        expect({ seed, body, status: told.status < 500, misfits: misfits(one, told) }).toEqual({
          seed,
          body,
          status: true,
          misfits: [],
        });
      }
    },
  );

  test.each(withScope.filter(({ query }) => query.length > 0))(
    '$id refuses what no query may say',
    async (one) => {
      const dice = diceOf(seed);
      const caller = await callerOf(one);
      const good = new URLSearchParams();
      for (const { name, schema } of one.query) {
        if (name !== 'cursor') good.set(name, String(valid(flat(schema, resolveSchema), dice)));
      }
      const fine = await caller.call('GET', `${one.path}?${good}`);
      expect({
        seed,
        good: String(good),
        status: fine.status,
        misfits: misfits(one, fine),
      }).toEqual({ seed, good: String(good), status: 200, misfits: [] });
      const cursor = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');
      const wrong = [
        'limit=0',
        'limit=101',
        'limit=-1',
        'limit=ten',
        'limit=1.5',
        'limit=',
        'limit=1&limit=2',
        'stranger=1',
        'cursor=x',
        'cursor=',
        `cursor=${cursor(['2026-02-31T00:00:00.000000Z', 'a'])}`,
        `cursor=${cursor(['now', 'a'])}`,
        `cursor=${cursor(['', 'a\0'])}`,
        `cursor=${cursor([1, 2])}`,
        `cursor=${cursor({})}`,
        ...one.query.flatMap(({ name, schema }) =>
          flat(schema, resolveSchema).enum || schema.format ? [`${name}=nonsense`] : [],
        ),
      ];
      for (const query of wrong) {
        const told = await caller.call('GET', `${one.path}?${query}`);
        expect({ query, status: told.status, misfits: misfits(one, told) }).toEqual({
          query,
          status: 400,
          misfits: [],
        });
      }
    },
  );
});
