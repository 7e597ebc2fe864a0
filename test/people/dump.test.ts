import { readFileSync } from 'node:fs';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Secret } from 'otpauth';
import type pg from 'pg';
import { parse } from 'yaml';
import { environments } from '../../src/base/environment.ts';
import { createLogger } from '../../src/base/log.ts';
import { newSecret } from '../../src/base/secrets.ts';
import type { Fixtures } from '../../src/commands/fixtures.ts';
import { signingKeysOf } from '../../src/oauth/signing-keys.ts';
import { openKey } from '../../src/subscriptions/key-service.ts';
import { openTestUserPassword } from '../../src/test-users/service.ts';
import { registerAt, submitTo } from '../accounts/register-support.ts';
import { codeOf, giveCode, setUp, stepBegins } from '../accounts/second-factor-support.ts';
import { eventually } from '../mail/support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  authorizationUrl,
  type Browser,
  newBrowser,
  type Page,
  pkce,
  post,
  sentBack,
  submit,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { keyring, masterSecret, type Sandgate, startSandgate, takeLetter } from './sandgate.ts';
import { overhear, type Wire } from './wire.ts';

const verifyLetter = 'Verify your email address';
const byJwt = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** In the form of one, and nobody's. */
const newRecoveryCode = (): string =>
  (newSecret() + newSecret())
    .toLowerCase()
    .replace(/[^a-h2-9]/g, '')
    .padEnd(16, '0')
    .slice(0, 16);

/** A password that nobody else has, and that no two places on the way share. */
const newPassword = (): string => `herons over the river ${newSecret()}`;

describe('after a run through everything with real secrets', () => {
  const databaseUrl = useDatabaseUrl();
  const planted = `planted-${newSecret()}`;
  let sandgate: Sandgate;
  let wire: Wire;
  let fixtures: Fixtures;

  const at = (path: string): string => `${sandgate.baseUrl}${path}`;
  const readLetter = async (to: string, subject: string) => {
    const letter = await takeLetter(sandgate.mail, to, subject);
    wire.add(`link of "${subject}"`, /[^/]*$/.exec(letter.link)?.[0]);
    wire.add(`code of "${subject}"`, letter.code);
    return letter;
  };
  const opened = (page: Page, status = 200): Page => {
    if (page.status !== status) throw new Error(`${page.url}: ${page.status} ${page.text}`);
    return page;
  };
  const other = (code: string): string => (code[0] === '1' ? '2' : '1') + code.slice(1);
  const signInAt = async (
    email: string,
    password: string,
    browser = newBrowser(sandgate.baseUrl),
  ) => {
    await submitTo(browser, await browser.open(at('/sign-in')), '/sign-in', { email, password });
    return browser;
  };
  const send = async (browser: Browser, path: string, action: string, fields = {}, status = 200) =>
    opened(await submitTo(browser, await browser.open(at(path)), action, fields), status);

  /** Registers by code, and leaves another registration and another reset waiting. */
  async function comeIn(email: string): Promise<{ browser: Browser; password: string }> {
    const password = newPassword();
    const { browser, page } = await registerAt(sandgate.baseUrl, { email, password });
    await readLetter(email, verifyLetter);
    await submitTo(browser, page, '/register/resend');
    const { code } = await readLetter(email, verifyLetter);
    const path = '/register/check-your-mail';
    await send(browser, path, path, { code: other(code) }, 422);
    await send(browser, path, path, { code });
    opened(await browser.open(at('/profile')));

    const waiting = `waiting.${email}`;
    await registerAt(sandgate.baseUrl, { email: waiting, password: newPassword() });
    await readLetter(waiting, verifyLetter);
    await registerAt(sandgate.baseUrl, { email, password: newPassword() }); // has one already
    await readLetter(email, 'You already have an account');
    return { browser, password };
  }

  async function comeInByLink(email: string): Promise<Browser> {
    await registerAt(sandgate.baseUrl, { email, password: newPassword() });
    const { link } = await readLetter(email, verifyLetter);
    const browser = newBrowser(sandgate.baseUrl);
    const owner = { name: 'Noor Haddad', password: newPassword() };
    opened(await submit(browser, await browser.open(link), owner));
    opened(await browser.open(link), 410);
    return browser;
  }

  /** Wrong in every field that a person could mistake for another, then right. */
  async function signInAndOut(email: string, password: string): Promise<Browser> {
    const browser = await signInAt(email, newPassword());
    await signInAt(password, password, browser); // the password in the field of the address
    await signInAt(email, password, browser);
    opened(await browser.open(at('/profile')));
    await send(browser, '/profile', '/sign-out');
    return signInAt(email, password, browser);
  }

  /** An authenticator app: wrong and right codes, and sign-ins that are left half done. */
  async function useSecondFactor(fixture: Fixture, email: string): Promise<void> {
    const password = newPassword();
    const { browser } = await registerAt(sandgate.baseUrl, { email, password });
    const { code } = await readLetter(email, verifyLetter);
    const path = '/register/check-your-mail';
    await send(browser, path, path, { code });
    await stepBegins();
    const { seed, recoveryCodes } = await setUp(browser, sandgate.baseUrl);
    wire.add('a seed', seed);
    wire.add('a seed as bytes', Secret.fromBase32(seed).hex.toLowerCase());
    for (const one of recoveryCodes) {
      wire.add('a recovery code', one);
      wire.add('a recovery code as it is read', one.replaceAll('-', ''));
    }
    for (const fields of [
      { code: codeOf(seed) },
      { recovery_code: recoveryCodes[0] ?? '' },
      null,
    ]) {
      const visitor = await signInAt(email, password);
      const page = opened(await visitor.open(at('/sign-in/code')));
      if (!fields) continue;
      opened(await giveCode(visitor, page, { code: other(codeOf(seed)) }), 422);
      opened(await giveCode(visitor, page, { recovery_code: newRecoveryCode() }), 422);
      opened(await giveCode(visitor, page, fields));
    }
    const popUp = newBrowser(sandgate.baseUrl);
    const scope = { scope: 'openid' };
    const url = authorizationUrl(sandgate.sandbox, clientOf(fixture), pkce().challenge, scope);
    const asked = await submit(popUp, await popUp.open(url), asAccount(email, password));
    opened(await submit(popUp, asked, { decision: 'prove', code: other(codeOf(seed)) }), 422);
    await send(browser, '/profile/second-factor', '/profile/second-factor/recovery-codes');
  }

  async function forget(email: string): Promise<string> {
    const browser = newBrowser(sandgate.baseUrl);
    await send(browser, '/forgot', '/forgot', { email: `nobody.${email}` });
    await readLetter(`nobody.${email}`, 'There is no account with this address');
    await send(browser, '/forgot', '/forgot', { email });
    const { link } = await readLetter(email, 'Choose a new password');
    opened(await submit(browser, await browser.open(link), { password: 'short one' }), 422);
    const password = newPassword();
    opened(await submit(browser, await browser.open(link), { password }));
    await send(browser, '/forgot', '/forgot', { email });
    await readLetter(email, 'Choose a new password'); // and leaves it unused
    return password;
  }

  async function changeProfile(email: string, password: string): Promise<void> {
    const browser = await signInAt(email, password);
    await signInAt(email, password); // another session
    await send(browser, '/profile/name', '/profile/name', { name: 'Noor Haddad-Wells' });
    await send(browser, '/profile', '/profile/sessions/end-others');
    const next = newPassword();
    await send(browser, '/profile/password', '/profile/password', { password: 'short one' }, 422);
    await send(browser, '/profile/password', '/profile/password', { password: next });
    const confirm = '/profile/email/confirm';
    for (const to of [`new.${email}`, `newer.${email}`, `newest.${email}`]) {
      await send(browser, '/profile/email', '/profile/email', { email: to });
      const { code, link } = await readLetter(to, 'Confirm your new email address');
      if (to.startsWith('new.')) {
        await send(browser, confirm, confirm, { code: other(code) }, 422);
        await send(browser, confirm, confirm, { code });
      }
      if (to.startsWith('newer.'))
        opened(await submitTo(browser, await browser.open(link), new URL(link).pathname));
    }
  }

  type Fixture = Fixtures['clients']['confidential'];
  const clientOf = ({ client_id: id, client_secret, redirect_uri = '' }: Fixture) => ({
    id,
    secret: client_secret,
    redirectUri: redirect_uri,
  });

  /** Pop-up, code, tokens, refresh, introspection, the sample API, userinfo, revocation, sign-out. */
  async function useTokens(fixture: Fixture, right: Record<string, string>): Promise<void> {
    const client = clientOf(fixture);
    const issuer = sandgate.sandbox;
    const browser = newBrowser(sandgate.baseUrl);
    const { verifier, challenge } = pkce();
    const scope = `openid offline_access ${fixture.scope}`;
    const url = authorizationUrl(issuer, client, challenge, { scope, prompt: 'consent' });
    const page = await browser.open(url);
    opened(
      await submit(browser, page, asAccount('priya.nair@larkfield.example', newPassword())),
      422,
    );
    const mistaken = newPassword(); // the password in the field of the name
    opened(await submit(browser, page, asAccount(mistaken, mistaken)), 422);
    const back = await sentBack(browser, url, right);
    const tokenAt = (form: Record<string, string>) => post(`${issuer}/token`, client, form);
    const grant = {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? `none: ${back}`,
      redirect_uri: client.redirectUri,
    };
    await tokenAt({ ...grant, code_verifier: pkce().verifier });
    const again = await sentBack(browser, url, right);
    grant.code = again.searchParams.get('code') ?? `none: ${again}`;
    const { status, body } = await tokenAt({ ...grant, code_verifier: verifier });
    expect(status).toBe(200);
    const { access_token, refresh_token, id_token } = body as Record<string, string>;
    const refreshed = await tokenAt({
      grant_type: 'refresh_token',
      refresh_token: refresh_token ?? '',
    });
    expect(refreshed.status).toBe(200);
    const token = String(refreshed.body.access_token);
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    expect((await fetch(`${issuer}/me`, bearer)).status).toBe(200);
    await fetch(at('/sandbox-api/fhir/Patient'), bearer);
    await fetch(`${issuer}/me?access_token=${token}`);
    await post(`${issuer}/token/introspection`, client, { token });
    await post(`${issuer}/token/revocation`, client, { token });
    await post(`${issuer}/token/introspection`, { ...client, secret: newSecret() }, { token });
    await tokenAt({ ...grant, code_verifier: verifier }); // a second use
    await tokenAt({ grant_type: 'refresh_token', refresh_token: access_token ?? '' });
    const hint = new URLSearchParams({ id_token_hint: id_token ?? '', client_id: client.id });
    const ending = await browser.open(`${issuer}/session/end?${hint}`);
    await submit(browser, ending, { logout: 'yes' });
  }

  /** Begun in a pop-up, and never finished: a registration and a reset that remember the way back. */
  async function leaveWaiting(fixture: Fixture, email: string): Promise<void> {
    const browser = newBrowser(sandgate.baseUrl);
    const url = authorizationUrl(sandgate.sandbox, clientOf(fixture), pkce().challenge);
    const popUp = opened(await browser.open(url));
    const returnTo = new URL(popUp.url).pathname;
    const waiting = `pop-up.${email}`;
    await registerAt(
      sandgate.baseUrl,
      { email: waiting, password: newPassword() },
      { browser, returnTo },
    );
    await readLetter(waiting, verifyLetter);
    const query = new URLSearchParams({ return_to: returnTo });
    await send(browser, `/forgot?${query}`, '/forgot', { email });
    await readLetter(email, 'Choose a new password');
  }

  async function useOtherGrants(): Promise<void> {
    const issuer = sandgate.sandbox;
    const { password, service, public: open } = fixtures.clients;
    const own = { grant_type: 'client_credentials' };
    const { body } = await post(`${issuer}/token`, clientOf(service), own);
    expect(body.access_token).toBeDefined();
    const { client_id, client_secret = '' } = service;
    await post(`${issuer}/token`, null, { ...own, client_id, client_secret });
    await post(`${issuer}/token`, { id: client_id, secret: newSecret() }, own);
    await post(`${issuer}/token`, clientOf(open), own);
    const { username, password: right } = fixtures.users.test_user;
    const byPassword = (form: Record<string, string>) =>
      post(`${issuer}/token`, clientOf(password), { grant_type: 'password', ...form });
    expect((await byPassword({ username, password: right })).status).toBe(200);
    await byPassword({ username, password: newPassword() });
    const mistaken = newPassword();
    await byPassword({ username: mistaken, password: mistaken });
  }

  async function useAssertion(): Promise<void> {
    const keys = await generateKeyPair('ES256', { extractable: true });
    const { d } = await exportJWK(keys.privateKey);
    wire.add("a client's private key", d);
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    const product = await aProduct(sandgate.pool);
    const { id } = await aClient(sandgate.pool, {
      authMethod: 'private_key_jwt',
      jwks: { keys: [jwk] },
      subscriptions: [await aSubscription(sandgate.pool, { product })],
    });
    const assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(sandgate.sandbox)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(keys.privateKey);
    const form = { grant_type: 'client_credentials', client_assertion_type: byJwt };
    for (const status of [200, 401]) {
      const ask = post(`${sandgate.sandbox}/token`, null, { ...form, client_assertion: assertion });
      expect((await ask).status).toBe(status);
    }
  }

  /** Subscribes, reveals a key, makes a new one while the old one lives, and puts it where none belongs. */
  async function useKeys(email: string): Promise<void> {
    const browser = await comeInByLink(email);
    const { id } = await aProduct(sandgate.pool);
    const purpose = 'Showing a ward round who needs what.';
    const path = `/products/${id}`;
    const { url } = await send(browser, path, `${path}/subscriptions`, { purpose });
    const subscription = new URL(url).pathname;
    const reveal = async () => {
      const { text } = await send(browser, subscription, `${subscription}/keys/reveal#keys`);
      const key = /sg_test_[0-9A-Za-z]{36}/.exec(text)?.[0] ?? '';
      expect(key).not.toBe('');
      wire.add('a subscription key', key);
      return key;
    };
    const old = await reveal();
    await send(browser, subscription, `${subscription}/keys/regenerate`, { overlap: '7d' });
    expect(await reveal()).not.toBe(old);
    await fetch(at(`${subscription}?subscription-key=${old}`));
    const headers = { 'ocp-apim-subscription-key': old };
    await fetch(at('/sandbox-api/fhir/Patient'), { headers });
  }

  /** Forms that are refused, and secrets in addresses, where they do not belong. */
  async function misbehave(email: string): Promise<void> {
    const [password, csrf] = [newPassword(), newSecret()];
    const headers = { origin: 'https://elsewhere.example' };
    for (const path of ['/sign-in', '/register', '/forgot', '/reset/no-such-link-at-all-here']) {
      const body = new URLSearchParams({ csrf, email, password });
      await fetch(at(path), { method: 'POST', body });
      await fetch(at(path), { method: 'POST', body, headers });
      await fetch(at(`${path}?${body}`), { headers: { accept: 'text/html' } });
      await fetch(at(path), {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie: `sg_account=${csrf}` },
        body: JSON.stringify({ password }),
      });
    }
  }

  /** What the server keeps sealed, and what it was started with. */
  async function addKeptSecrets(pool: pg.Pool): Promise<void> {
    wire.add('the master secret', masterSecret);
    for (const key of keyring.cookieKeys) wire.add('a cookie key', key);
    for (const environment of environments) {
      for (const { d } of await signingKeysOf(pool, keyring, environment)) {
        wire.add(`a signing key of ${environment}`, d);
      }
    }
    const keys = await pool.query('select id, sealed from subscription_keys');
    for (const row of keys.rows) wire.add('a subscription key', openKey(keyring, row));
    const users = await pool.query(
      'select id, sealed_password as "sealedPassword" from test_users',
    );
    for (const row of users.rows) {
      wire.add("a test user's password", openTestUserPassword(keyring, row));
    }
    const { accounts } = parse(readFileSync('programme/development.yaml', 'utf8'));
    for (const { password } of accounts) wire.add("a demo account's password", password);
    for (const { client_secret } of Object.values(fixtures.clients)) {
      wire.add("a fixture's client secret", client_secret);
    }
    for (const { password } of Object.values(fixtures.users)) {
      wire.add("a fixture's password", password);
    }
  }

  beforeAll(async () => {
    sandgate = await startSandgate(databaseUrl);
    wire = overhear();
    wire.add('what was planted', planted);
    fixtures = JSON.parse(readFileSync(sandgate.fixturesFile, 'utf8'));

    const email = 'noor.haddad@people.example';
    const { password } = await comeIn(email);
    const leaver = await comeInByLink('leaver@people.example');
    await signInAndOut(email, password);
    await changeProfile(email, await forget(email));
    const { clients, users } = fixtures;
    for (const [client, user] of [
      [clients.confidential, users.regular],
      [clients.sandbox, users.test_user],
    ] as const) {
      await useTokens(client, asAccount(user.username, user.password));
    }
    await useSecondFactor(clients.confidential, 'app@people.example');
    await leaveWaiting(clients.confidential, `newer.${email}`);
    await useOtherGrants();
    await useAssertion();
    await useKeys('keys@people.example');
    await misbehave(email);
    await send(leaver, '/profile/delete', '/profile/delete', { email: 'leaver@people.example' });
    await addKeptSecrets(sandgate.pool);
    await eventually(async () => {
      const { rows } = await sandgate.pool.query('select 1 from letters where sent_at is null');
      return rows.length === 0;
    });
  }, 120_000);
  afterAll(async () => {
    wire?.stop();
    await sandgate?.close();
  });

  test('the run met every kind of secret', () => {
    expect(kinds.filter((what) => !wire.met.has(what))).toEqual([]);
    expect(wire.secrets.size).toBeGreaterThan(200);
  });

  test('the database holds none of them in the clear, and the search finds the one that was planted', async () => {
    expect(leaksIn(await dump(sandgate.pool), wire)).toEqual([]);

    await sandgate.pool.query('update programme set name = name || $1', [planted]);
    expect(leaksIn(await dump(sandgate.pool), wire)).toEqual([
      expect.stringMatching(/^what was planted: /),
    ]);
  });

  test('nor does a column of bytes that is looked through as text and as base64url', async () => {
    const [text, bytes] = [newSecret(), newSecret()];
    wire.add('text as bytes', text);
    wire.add('bytes', bytes);
    await sandgate.pool.query(
      'update client_secrets set sealed = $1 where id = (select min(id) from client_secrets)',
      [Buffer.from(text)],
    );
    await sandgate.pool.query(
      'update client_secrets set sealed = $1 where id = (select max(id) from client_secrets)',
      [Buffer.from(bytes, 'base64url')],
    );
    const found = leaksIn(await dump(sandgate.pool), wire).map((leak) => leak.split(':')[0]);
    expect(found.sort()).toEqual(['bytes', 'text as bytes', 'what was planted']);
  });

  test('the log, at level debug, holds none of them, and the search finds the one that was planted', () => {
    const log = () => readFileSync(sandgate.logFile, 'utf8');
    expect(log().split('\n').length).toBeGreaterThan(150);
    expect(leaksIn(log(), wire)).toEqual([]);

    createLogger({ file: sandgate.logFile }).info({ planted: `so: ${planted}` });
    expect(leaksIn(log(), wire)).toEqual([expect.stringMatching(/^what was planted: /)]);
  });
});

const kinds = [
  'csrf',
  'cookie sg_account',
  'cookie sg_registration',
  'cookie sg_device',
  'cookie sg_second_step',
  'offer of a form to /profile/second-factor',
  'recovery_code of a form to /sign-in/code',
  'a seed',
  'a recovery code',
  'cookie sg_sandbox_session',
  'cookie sg_sandbox_interaction',
  'password of a form to /register',
  'password of a form to /sign-in',
  'password of a form to /profile/password',
  'code of a redirect',
  'code_verifier of a form to /sandbox/token',
  'access_token of an answer',
  'id_token of an answer',
  'refresh_token of a form to /sandbox/token',
  'client_assertion of a form to /sandbox/token',
  'token of a form to /sandbox/token/introspection',
  'a client secret',
  'a subscription key',
  "a test user's password",
  "a client's private key",
  'a signing key of live',
];

/** Every row of every table as JSON, and what bytes say as text and as base64. */
async function dump(pool: pg.Pool): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  );
  const lines: string[] = [];
  for (const { name } of tables) {
    const { rows } = await pool.query<{ line: string }>(
      `select row_to_json(t)::text as line from ${name} t`,
    );
    for (const { line } of rows) {
      lines.push(`${name} ${line}`);
      for (const [, hex = ''] of line.matchAll(/\\\\x([0-9a-f]+)/g)) {
        const bytes = Buffer.from(hex, 'hex');
        const read = [
          bytes.toString('utf8'),
          bytes.toString('base64'),
          bytes.toString('base64url'),
        ];
        lines.push(`${name} ${read.join(' ').replace(/\s+/g, ' ')}`);
      }
    }
  }
  return lines.join('\n');
}

/** Where each secret stands, whichever way it is written. */
function leaksIn(text: string, { secrets }: Wire): string[] {
  const lines = text.split('\n');
  return [...secrets].flatMap(([secret, what]) => {
    const stands = finderOf(secret);
    const line = lines.find(stands);
    return line === undefined ? [] : [`${what}: ${line.slice(0, 500)}`];
  });
}

function finderOf(secret: string): (line: string) => boolean {
  if (/^\d{6}$/.test(secret)) {
    const alone = new RegExp(`(?<![\\w.+/-])${secret}(?![\\w+/-])`); // not within a time or a hash
    return (line) => alone.test(line);
  }
  const bytes = Buffer.from(secret);
  const written = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ secret }).toString().slice('secret='.length),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
  return (line) => written.some((one) => line.includes(one));
}
