import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Product } from '../../src/products/product.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { asTestUser, newBrowser, sentBack } from '../support/flow.ts';
import { aClient, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

// What the portal sends, as its source has it: no state, no nonce, no resource, and a token request
// from the browser that names nothing but these fields.

const guide = readFileSync(new URL('../../docs/azure-portal.md', import.meta.url), 'utf8');
const portal = 'https://portal.example.com';

describe('the guide for a portal of Azure', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
  });
  afterAll(() => server.close());

  /** What stands in the table of settings, with this server's address. */
  const setting = (name: string): string => {
    const cell = new RegExp(`^\\| ${name} \\| \`([^\`]+)\``, 'm').exec(guide)?.[1] ?? '';
    return cell.replace('https://login.example.com', server.baseUrl);
  };
  const subscribed = async () =>
    aSubscription(server.pool, {
      product: { id: 'read-records', environment: 'sandbox' } as Product,
      name: 'Read Records',
    });

  test('names addresses that are there', async () => {
    const settings = JSON.parse(
      (await newBrowser(server.baseUrl).open(`${server.sandbox}/.well-known/openid-configuration`))
        .text,
    );
    expect(setting('Authorization endpoint URL')).toBe(settings.authorization_endpoint);
    expect(setting('Token endpoint URL')).toBe(settings.token_endpoint);
    const registration = setting('Client registration page URL');
    expect((await newBrowser(server.baseUrl).open(registration)).status).toBe(200);
  });

  test('works for authorization code with PKCE: no state, no secret, the token from the browser', async () => {
    const redirectUri = /`(https:[^`]+code-pkce[^`]+)`/.exec(guide)?.[1] ?? '';
    const client = await aClient(server.pool, {
      subscriptions: [await subscribed()],
      authMethod: 'none',
      redirectUris: [redirectUri],
      allowedOrigins: [portal],
    });
    const verifier = randomBytes(48).toString('base64url').replace(/[-_]/g, 'a');
    const asked = new URLSearchParams({
      response_type: 'code',
      client_id: client.id,
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      redirect_uri: redirectUri.toLowerCase(),
      scope: 'user/Patient.rs user/Observation.rs',
    });
    const address = `${setting('Authorization endpoint URL')}?${asked}`;
    const back = await sentBack(newBrowser(server.baseUrl), address, asTestUser('tu_gp'));
    expect(back.href.startsWith(redirectUri)).toBe(true);

    const answer = await fetch(setting('Token endpoint URL'), {
      method: 'POST',
      headers: { origin: portal },
      body: new URLSearchParams({
        client_id: client.id,
        code_verifier: verifier,
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
        code: back.searchParams.get('code') ?? '',
      }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(portal);
    expect(await answer.json()).toMatchObject({
      token_type: 'Bearer',
      access_token: expect.stringMatching(/^eyJ/),
    });
  });

  test.each(['basic', 'body'])(
    'works for the flows of its server, with the secret in the %s',
    async (where) => {
      const client = await aClient(server.pool, { subscriptions: [await subscribed()] });
      const ask = async (form: Record<string, string>) => {
        const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
        const answer = await fetch(setting('Token endpoint URL'), {
          method: 'POST',
          headers: where === 'basic' ? { authorization: `Basic ${basic}` } : {},
          body: new URLSearchParams({
            ...(where === 'body' && { client_id: client.id, client_secret: client.secret }),
            ...form,
          }),
        });
        return answer.json();
      };
      expect(await ask({ grant_type: 'client_credentials', scope: '' })).toMatchObject({
        token_type: 'Bearer',
      });
      const person = { username: 'asha.menon', password: 'surgery-opens-at-eight' };
      expect(
        await ask({ grant_type: 'password', ...person, scope: 'user/Patient.rs' }),
      ).toMatchObject({
        token_type: 'Bearer',
      });
      expect(await ask({ grant_type: 'password', ...person, password: 'wrong' })).toMatchObject({
        error: 'invalid_grant',
      });
    },
  );

  test('is right that implicit is not served, and says with which word', async () => {
    const client = await aClient(server.pool, { subscriptions: [await subscribed()] });
    const asked = new URLSearchParams({
      response_type: 'token',
      client_id: client.id,
      redirect_uri: client.redirectUris[0] ?? '',
      scope: 'user/Patient.rs',
    });
    const page = await newBrowser(server.baseUrl).open(`${server.sandbox}/auth?${asked}`);
    expect(`${page.location} ${page.text}`).toContain('unsupported_response_type');
  });
});
