import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { newBrowser } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aPerson } from './profile-support.ts';

describe('an organisation with a portal and a face of its own', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  const folder = mkdtempSync(join(tmpdir(), 'brand-'));
  const logo = join(folder, 'ours.png');
  const stylesheet = join(folder, 'colours.css');
  const css = ':root { --accent: light-dark(#7a1f5c, #f0a6d5); }';
  let server: TestServer;

  beforeAll(async () => {
    writeFileSync(logo, 'a picture');
    writeFileSync(stylesheet, css);
    server = await startServer({ databaseUrl, portal: false, brandFiles: { logo, stylesheet } });
    await applyDemo(server);
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
    rmSync(folder, { recursive: true });
  });

  const visit = (path: string) => newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);

  test('has no catalogue, guide or console of ours, and no link to them', async () => {
    for (const path of [
      '/apis',
      '/apis/patient-record',
      '/apis/patient-record/openapi.json',
      '/apis/patient-record/operations/readPatient',
      '/apis/patient-record/swagger-ui',
      '/apis/patient-record/scalar',
      '/guide',
      '/guide/access',
      '/console/patient-record/readPatient',
      '/try',
      '/try/callback',
    ]) {
      expect([path, (await visit(path)).status]).toEqual([path, 404]);
    }
    expect((await visit('/')).text).toContain('<h1>Products</h1>');
    const priya = await aPerson(server, passwords, { team: 'Larkfield Labs' });
    for (const path of ['/', '/products', '/products/read-records', '/teams', '/profile']) {
      const { text, status } = await priya.browser.open(`${server.baseUrl}${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toMatch(/href="\/(apis|guide|console|try)/);
    }
  });

  test('keeps the ways to sign in, to subscribe and to get tokens', async () => {
    for (const path of ['/sign-in', '/register', '/products', '/test-users']) {
      expect([path, (await visit(path)).status]).toEqual([path, 200]);
    }
    expect((await visit('/sandbox/.well-known/openid-configuration')).status).toBe(200);
  });

  test('shows its own logo and colours, from our origin, at addresses that change with them', async () => {
    const { text } = await visit('/products');
    const sheet = /href="(\/assets\/brand\.css\?v=[\w-]{12})"/.exec(text)?.[1] ?? '';
    expect(text.indexOf('sandgate.css')).toBeLessThan(text.indexOf(sheet));
    const served = await visit(sheet);
    expect(served.text).toBe(css);
    expect(served.headers.get('content-type')).toMatch('text/css');
    expect(served.headers.get('cache-control')).toMatch('immutable');
    const icon = /rel="icon" href="([^"]+)"/.exec(text)?.[1] ?? '';
    const picture = await visit(icon);
    expect([picture.text, picture.headers.get('content-type')]).toEqual(['a picture', 'image/png']);
    // the style sheet's own url("logo.svg") asks for it without a version
    expect((await visit('/assets/logo.svg')).text).toBe('a picture');
  });

  test('shows them in the pop-up too', async () => {
    const { text } = await visit('/sandbox/auth?client_id=nobody');
    expect(text).toContain('/assets/brand.css?v=');
  });
});
