import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { createPasswords } from '../../src/base/passwords.ts';
import { keptSecretOf, testApplicationId } from '../../src/clients/service.ts';
import { transaction } from '../../src/db/pool.ts';
import { languages } from '../../src/portal/sample-code.ts';
import type { Product } from '../../src/products/product.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { newBrowser } from '../support/flow.ts';
import { aClient, aSubscription, keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, send } from './profile-support.ts';
import { aSubscriber, keysOf } from './subscriber.ts';

const run = promisify(execFile);

/** Whether a program is here, as `shown` says; what a machine has not is reported as skipped. */
const has = (program: string, ...shown: string[]): boolean => {
  try {
    execFileSync(program, shown, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const runners = [
  {
    language: 'curl',
    there: has('curl', '--version'),
    run: (code: string) => run('sh', ['-c', code]),
  },
  {
    language: 'JavaScript',
    there: true,
    run: (code: string) => run(process.execPath, ['--input-type=module', '-e', code]),
  },
  {
    language: 'Python',
    there: has('python3', '-c', 'import requests'),
    run: (code: string) => run('python3', ['-c', code]),
  },
];

const unescaped = (html: string): string =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

/** The samples of a page as a person sees them: title and language → code. */
const samplesIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<pre tabindex="0" aria-label="([^"]+)">([\s\S]*?)<\/pre>/g)].map(
      ([, label = '', code = '']) => [label, unescaped(code)],
    ),
  );

/** Out of what a sample prints. */
function tokenIn(printed: string): string {
  const token = /['"]?access_token['"]?\s*:\s*['"]([^'"]+)/.exec(printed)?.[1] ?? '';
  expect(token).toMatch(/^eyJ/);
  return token;
}

describe('the code beside an operation', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  /** What stands in capitals → what its reader puts in. */
  let own: Record<string, string>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    const product = { id: 'read-records' } as Product;
    const { subscription } = await aSubscriber(server, passwords, { product });
    const clientId = testApplicationId(subscription.id);
    const [key] = await keysOf(server, subscription.id);
    own = {
      CLIENT_ID: clientId,
      CLIENT_SECRET: await transaction(server.pool, (tx) => keptSecretOf(tx, keyring, clientId)),
      SUBSCRIPTION_KEY: key?.value ?? '',
    };
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const samplesOf = async (operation: string) => {
    const address = `${server.baseUrl}/apis/patient-record/operations/${operation}`;
    return samplesIn((await newBrowser(server.baseUrl).open(address)).text);
  };
  const filled = (code = '', values: Record<string, string>): string =>
    Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), code);

  test('is there in nine languages, and holds nobody’s secrets', async () => {
    const samples = await samplesOf('readPatient');
    expect(languages).toHaveLength(9);
    for (const { name } of languages) {
      expect(samples[`Get a token, ${name}`]).toContain('CLIENT_SECRET');
      expect(samples[`Get a token, ${name}`]).toMatch(/system(\/|%2F)Patient\.rs/);
      expect(samples[`Call the API, ${name}`]).toContain('ACCESS_TOKEN');
      expect(samples[`Call the API, ${name}`]).toContain('SUBSCRIPTION_KEY');
      expect(samples[`Call the API, ${name}`]).toContain('NM-0007');
    }
  });

  for (const { language, there, run: start } of runners) {
    (there ? test : test.skip)(`works as shown in ${language}`, async () => {
      const reading = await samplesOf('readPatient');
      const tokens = await start(filled(reading[`Get a token, ${language}`], own));
      const values = { ...own, ACCESS_TOKEN: tokenIn(tokens.stdout) };
      const call = await start(filled(reading[`Call the API, ${language}`], values));
      expect(call.stdout).toContain('Margaret Vale');

      const searching = await samplesOf('searchPatients');
      const found = await start(filled(searching[`Call the API, ${language}`], values));
      expect(found.stdout).toMatch(/NM-0007/);
    });

    (there ? test : test.skip)(`sends a body as shown in ${language}`, async () => {
      const product = { id: 'submit-records', environment: 'sandbox' } as Product;
      const subscription = await aSubscription(server.pool, { product, name: 'Submit Records' });
      const client = await aClient(server.pool, { subscriptions: [subscription] });
      const values = {
        ...{ CLIENT_ID: client.id, CLIENT_SECRET: client.secret, SUBSCRIPTION_KEY: 'any' },
        ...{ USERNAME: 'asha.menon', PASSWORD: 'surgery-opens-at-eight' },
      };
      const writing = await samplesOf('createObservation');
      const tokens = await start(filled(writing[`Get a token, ${language}`], values));
      const call = filled(writing[`Call the API, ${language}`], {
        ...values,
        ACCESS_TOKEN: tokenIn(tokens.stdout),
      });
      const kept = (await start(call)).stdout;
      expect(kept).toContain('Observation');
      expect(kept).toMatch(/Heart rate/);
      expect(kept).toMatch(/['"]?versionId/);
    });
  }

  test('holds its reader’s application and key, which is masked until they reveal it, on the record', async () => {
    const product = { id: 'read-records' } as Product;
    const priya = await aSubscriber(server, passwords, { product });
    const { subscription } = priya;
    const client = await aClient(server.pool, {
      subscriptions: [subscription],
      name: 'Night Batch',
    });
    const [key] = await keysOf(server, subscription.id);
    const path = '/apis/patient-record/operations/readPatient';
    const page = await priya.open(path);
    const masked = samplesIn(page.text);
    expect(page.text).not.toContain(key?.value);
    for (const { name } of languages) {
      expect(masked[`Get a token, ${name}`]).toContain(client.id);
      expect(masked[`Call the API, ${name}`]).toContain(`sg_test_••••${key?.value.slice(-4)}`);
    }
    expect(page.text).toContain('>Night Batch</a>');

    const reveal = { subscription: subscription.id, key: key?.id ?? '' };
    const answer = await send(priya, path, reveal, `${path}/key#code`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(samplesIn(answer.text)['Call the API, curl']).toContain(key?.value);
    expect(await actsOf(server.pool, priya.account.id)).toContain('subscription_key.revealed');

    // nobody else's
    const other = await aSubscriber(server, passwords, { product });
    const refused = await send(other, path, reveal, `${path}/key#code`);
    expect(refused.status).toBe(404);
    expect(refused.text).not.toContain(key?.value);
  });

  test('is written for the application its reader chooses, and for nobody else’s', async () => {
    const product = { id: 'read-records' } as Product;
    const priya = await aSubscriber(server, passwords, { product });
    const subscriptions = [priya.subscription];
    const first = await aClient(server.pool, { subscriptions, name: 'Night Batch' });
    const path = '/apis/patient-record/operations/readPatient';
    expect((await priya.open(path)).text).not.toContain('<select id="application"');

    const second = await aClient(server.pool, { subscriptions, name: 'Ward Round' });
    const tokenAt = async (query: string) =>
      samplesIn((await priya.open(`${path}${query}`)).text)['Get a token, curl'];
    expect(await tokenAt('')).toContain(first.id);
    expect(await tokenAt(`?application=${second.id}`)).toContain(second.id);
    expect(await tokenAt(`?application=${second.id}`)).toContain('CLIENT_SECRET');
    const other = await aClient(server.pool);
    expect(await tokenAt(`?application=${other.id}`)).toContain(first.id);

    // revealing the key keeps the choice
    const chosen = await priya.open(`${path}?application=${second.id}`);
    expect(chosen.text).toContain(`${path}/key?application=${second.id}#code`);
    expect(chosen.text).toContain(`<option value="${second.id}" selected>Ward Round</option>`);
  });

  test('shows what the product asks for, and no more: a key alone, or a token alone', async () => {
    const at = async (path: string) =>
      (await newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`)).text;
    const keyAlone = await at('/apis/opening-times/operations/listClinics');
    expect(Object.keys(samplesIn(keyAlone))).not.toContain('Get a token, curl');
    expect(samplesIn(keyAlone)['Call the API, curl']).toContain('SUBSCRIPTION_KEY');
    expect(keyAlone).toContain('You get a key with a subscription to Opening Times.');

    await server.pool.query(`update products set credentials = 'token' where id = 'read-records'`);
    await server.pool.query(`update apis set key_header = 'X-Key' where id = 'patient-record'`);
    const path = '/apis/patient-record/operations/readPatient';
    const tokenAlone = await at(path);
    expect(samplesIn(tokenAlone)['Get a token, curl']).toContain('CLIENT_SECRET');
    expect(samplesIn(tokenAlone)['Call the API, curl']).not.toContain('SUBSCRIPTION_KEY');
    expect(tokenAlone).toContain('You get a client with a subscription to Read Records.');

    await server.pool.query(
      `update products set credentials = 'key_and_token' where id = 'read-records'`,
    );
    expect(samplesIn(await at(path))['Call the API, curl']).toContain('X-Key: SUBSCRIPTION_KEY');
  });
});
