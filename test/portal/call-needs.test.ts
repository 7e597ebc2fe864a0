import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { priceInWords } from '../../src/products/words.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aDeveloper } from './application-support.ts';

test.each([
  [1000, '0.5', 'EUR', '1,000 calls a month included, then €0.50 for each thousand'],
  [0, '0.0525', 'GBP', '£0.0525 for each thousand calls'],
  [1, '12', 'USD', '1 call a month included, then US$12.00 for each thousand'],
  [10_000, '0', 'EUR', '10,000 calls a month included, and nothing for more'],
])(
  '%s calls included and %s %s reads as it is reckoned',
  (includedCalls, perThousand, currency, says) => {
    expect(priceInWords({ includedCalls, perThousand, currency })).toBe(says);
  },
);

describe('what a call needs', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const api = { id: 'letters', name: 'Letters', version: '1', description: '', document: {} };
    await transaction(server.pool, (tx) =>
      upsertApi(tx, {
        ...{ ...api, ...usualCalls, keyHeader: 'X-Letters-Key' },
        otherVersions: [],
        baseUrls: [],
      }),
    );
    await upsertBaseUrl(server.pool, api.id, { name: 'main', url: 'https://letters.example' });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const factsOf = async (given: Partial<Product>) => {
    const { id } = await aProduct(server.pool, given);
    const page = await newBrowser(server.baseUrl).open(`${server.baseUrl}/products/${id}`);
    const facts = /<dl class="facts">([\s\S]*?)<\/dl>/.exec(page.text)?.[1] ?? '';
    return facts.replace(/<[^>]+>|\s+/g, ' ').replace(/ +/g, ' ');
  };

  test('stands on the page of the product, with what it costs', async () => {
    const price = { includedCalls: 10_000, perThousand: '0.5', currency: 'EUR' };
    const both = await factsOf({ priceNote: 'Less for care homes', price });
    expect(both).toContain('A call shows a subscription key and an access token');
    expect(both).toContain('Less for care homes 10,000 calls a month included, then €0.50');
    expect(both).toContain('Audience');
    expect(await factsOf({ credentials: 'token' })).toContain('A call shows an access token alone');
    const keyOnly = await factsOf({ credentials: 'key' });
    expect(keyOnly).toContain('A call shows a subscription key alone');
    expect(keyOnly).not.toMatch(/Audience|Tokens|Price/);
  });

  test('stands beside the keys: the header, or that none is needed', async () => {
    const { person, product, subscription } = await aDeveloper(server, passwords);
    const page = async () => (await person.open(`/subscriptions/${subscription.id}`)).text;
    expect(await page()).toContain(`in the header <code>${usualCalls.keyHeader}</code>`);
    const opened = [{ id: 'letters', baseUrl: 'main', version: null }];
    await saveProductApis(server.pool, product.id, opened);
    expect(await page()).toContain('in the header <code>X-Letters-Key</code>');
    const price = { includedCalls: 500, perThousand: '2', currency: 'EUR' };
    await aProduct(server.pool, { ...product, credentials: 'token', price });
    expect(await page()).toContain('You do not need them');
    expect(await page()).toContain('500 calls a month included, then €2.00 for each thousand');
  });
});
