import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Product } from '../../src/products/product.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { asTestUser, newBrowser, pkce, sentBack } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const run = promisify(execFile);
const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const withCurl = hasCurl ? test : test.skip;

const unescaped = (html: string): string =>
  html.replaceAll('&#39;', "'").replaceAll('&#34;', '"').replaceAll('&amp;', '&');

describe('the guide', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let own: Record<string, string>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    const product = { id: 'read-records', environment: 'sandbox' } as Product;
    const subscription = await aSubscription(server.pool, { product, name: 'Read Records' });
    const client = await aClient(server.pool, { subscriptions: [subscription] });
    own = {
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      REDIRECT_URI: client.redirectUris[0] ?? '',
      USERNAME: 'asha.menon',
      PASSWORD: 'surgery-opens-at-eight',
    };
  });
  afterAll(() => server.close());

  const visit = (path: string) => newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
  /** What stands on the page under this label. */
  const shown = async (label: string): Promise<string> => {
    const { text } = await visit('/guide/access');
    const found = new RegExp(`aria-label="${label}">([\\s\\S]*?)</pre>`).exec(text)?.[1];
    return unescaped(found ?? '');
  };
  const filled = (code: string, values: Record<string, string>): string =>
    Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), code);
  const tokensBy = async (grant: string, more: Record<string, string> = {}) => {
    const line = filled(await shown(`Get a token, ${grant}`), { ...more, ...own });
    return JSON.parse((await run('sh', ['-c', line])).stdout);
  };

  test('leads to places that are there', async () => {
    for (const path of ['/guide', '/guide/access']) {
      const { text, status } = await visit(path);
      expect(status).toBe(200);
      const main = text.slice(text.indexOf('<main'), text.indexOf('</main>'));
      const links = [...main.matchAll(/href="([^"#]+)/g)].map(([, href = '']) => unescaped(href));
      expect(links.length).toBeGreaterThan(5);
      for (const href of new Set(links)) {
        const address = new URL(href, server.baseUrl);
        expect(address.origin).toBe(server.baseUrl);
        const there = await newBrowser(server.baseUrl).open(address.href);
        // what is for members only shows a visitor the way in
        expect([address.pathname, there.status]).toEqual([
          address.pathname,
          /^\/(applications|teams)/.test(address.pathname) ? 401 : 200,
        ]);
      }
    }
  });

  test('names the addresses that the issuers themselves name', async () => {
    const { text } = await visit('/guide/access');
    for (const issuer of [server.sandbox, server.live]) {
      const settings = JSON.parse(
        (await visit(`${issuer.slice(server.baseUrl.length)}/.well-known/openid-configuration`))
          .text,
      );
      for (const name of [
        'issuer',
        'authorization_endpoint',
        'token_endpoint',
        'jwks_uri',
        'introspection_endpoint',
        'revocation_endpoint',
      ]) {
        expect(text).toContain(`<code>${settings[name]}</code>`);
      }
    }
    expect(text).toContain('<code>user/Observation.c</code>');
  });

  test('lists all products that its reader sees, a page at a time', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `Many ${String(n).padStart(2, '0')}`);
    for (const name of names) await aProduct(server.pool, { name });
    const seen: string[] = [];
    let path: string | undefined = '/guide/access';
    for (let pages = 0; path && pages < 5; pages += 1) {
      const { text } = await newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
      seen.push(...[...text.matchAll(/>(Many \d\d)<\/a>/g)].map(([, name = '']) => name));
      expect(text).toContain('Get a token, client credentials'); // by the first products, on every page
      path = /href="([^"]+)">More products</.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen.filter((name, at) => seen.indexOf(name) === at)).toEqual(names);
    await server.pool.query(`delete from products where name like 'Many %'`);
  });

  test('shows no grant that no product takes', async () => {
    const { rows } = await server.pool.query('select id, grant_types from products');
    await server.pool.query(
      `update products set grant_types = array_remove(grant_types, 'password')`,
    );
    expect(await shown('Get a token, resource owner password')).toBe('');
    for (const { id, grant_types } of rows) {
      await server.pool.query('update products set grant_types = $2 where id = $1', [
        id,
        grant_types,
      ]);
    }
    expect(await shown('Get a token, resource owner password')).toContain('USERNAME');
  });

  withCurl(
    'has lines that work as shown: as a system, and with a test user’s password',
    async () => {
      expect(await tokensBy('client credentials')).toMatchObject({
        token_type: 'Bearer',
        scope: 'system/Patient.rs',
      });
      expect(await tokensBy('resource owner password')).toMatchObject({ scope: 'user/Patient.rs' });
    },
  );

  withCurl(
    'has lines that work as shown: on behalf of a user, and once the token has ended',
    async () => {
      const { verifier, challenge } = pkce();
      const address = filled(await shown('Address, authorization code with PKCE'), {
        ...own,
        REDIRECT_URI: encodeURIComponent(own.REDIRECT_URI ?? ''),
        CODE_CHALLENGE: challenge,
        'scope=': 'scope=openid+offline_access+',
      });
      const back = await sentBack(newBrowser(server.baseUrl), address, asTestUser('tu_gp'));
      const tokens = await tokensBy('authorization code with PKCE', {
        CODE_VERIFIER: verifier,
        "'code=CODE'": `'code=${back.searchParams.get('code')}'`,
      });
      expect(tokens).toMatchObject({
        token_type: 'Bearer',
        scope: expect.stringContaining('user/Patient.rs'),
      });
      const again = await tokensBy('refresh token', { REFRESH_TOKEN: tokens.refresh_token });
      expect(again).toMatchObject({
        token_type: 'Bearer',
        access_token: expect.stringMatching(/^eyJ/),
      });
    },
  );
});
