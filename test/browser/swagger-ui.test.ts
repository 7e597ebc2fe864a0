import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { findSubscription } from '../../src/subscriptions/store.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { aClient } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

const swagger = fileURLToPath(new URL('../../node_modules/swagger-ui-dist/', import.meta.url));
const programme = fileURLToPath(new URL('../../programme', import.meta.url));

/** A portal that nobody here wrote, on another origin: Swagger UI as it comes from npm. */
function startPortal(clientId: () => string, document: () => object): Promise<Server> {
  const files: Record<string, () => [type: string, body: string | Buffer]> = {
    '/': () => ['text/html', page(clientId())],
    '/openapi.json': () => ['application/json', JSON.stringify(document())],
    '/swagger-ui.css': () => ['text/css', readFileSync(`${swagger}swagger-ui.css`)],
    '/swagger-ui-bundle.js': () => [
      'text/javascript',
      readFileSync(`${swagger}swagger-ui-bundle.js`),
    ],
    '/oauth2-redirect.html': () => ['text/html', readFileSync(`${swagger}oauth2-redirect.html`)],
    '/oauth2-redirect.js': () => ['text/javascript', readFileSync(`${swagger}oauth2-redirect.js`)],
  };
  const server = createServer((request, response) => {
    const file = files[new URL(request.url ?? '/', 'http://portal').pathname];
    if (!file) return void response.writeHead(404).end();
    const [type, body] = file();
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const page = (
  clientId: string,
): string => `<!doctype html><meta charset="utf-8"><title>Portal</title>
<link rel="stylesheet" href="/swagger-ui.css"><div id="ui"></div><script src="/swagger-ui-bundle.js"></script>
<script>
  const ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', docExpansion: 'list',
    oauth2RedirectUrl: location.origin + '/oauth2-redirect.html' });
  ui.initOAuth({ clientId: '${clientId}', usePkceWithAuthorizationCodeGrant: true });
</script>`;

browserStories('Swagger UI on another origin', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let portal: Server;
  let portalOrigin: string;
  let clientId: string;

  /** The programme's own OpenAPI document, with the addresses of this run. */
  const document = (): object => {
    const api = parse(readFileSync(`${programme}/apis/patient-record.yaml`, 'utf8'));
    const flow = api.components.securitySchemes.oauth2.flows.authorizationCode;
    Object.assign(flow, {
      authorizationUrl: `${server.sandbox}/auth`,
      tokenUrl: `${server.sandbox}/token`,
    });
    return { ...api, servers: [{ url: `${server.baseUrl}/sandbox-api/fhir` }] };
  };

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    portal = await startPortal(() => clientId, document);
    portalOrigin = `http://portal.localhost:${(portal.address() as AddressInfo).port}`;
    await applyDemo(server);
    const subscription = await findSubscription(server.pool, 'sub_larkfield_read');
    const client = await aClient(server.pool, {
      name: 'Portal',
      authMethod: 'none',
      subscriptions: [subscription as Subscription], // the demo programme has it
      redirectUris: [`${portalOrigin}/oauth2-redirect.html`],
    });
    clientId = client.id;
  }, 60_000);
  afterAll(async () => {
    portal.close();
    await server.close();
  });

  test('opens our pop-up; one click, the token arrives, and the sample API answers 200', async () => {
    const context = await newContext();
    const tab = await context.newPage();
    await tab.goto(`${portalOrigin}/`);
    await tab.click('.auth-wrapper .authorize');
    const dialog = tab.locator('.auth-container', { hasText: 'authorizationCode' });
    for (const type of ['Patient', 'Observation', 'MedicationRequest']) {
      const box = dialog.locator(`input[data-value="user/${type}.rs"]`);
      await dialog
        .locator(`label[for="${await box.getAttribute('id')}"]`)
        .first()
        .click();
    }
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      dialog.locator('button.authorize').click(),
    ]);
    await popup.getByText('Portal asks for access').waitFor();
    expect(await popup.evaluate(() => Boolean((globalThis as { opener?: unknown }).opener))).toBe(
      true,
    );
    await Promise.all([popup.waitForEvent('close'), popup.click('button[value=authorize]')]);
    await dialog.getByText('Logout').waitFor();
    await tab.click('.close-modal');

    await tab.locator('.opblock-summary-path', { hasText: '/Patient' }).first().click();
    await tab.click('.try-out__btn');
    const [answer] = await Promise.all([
      tab.waitForResponse(
        (response) =>
          response.url().includes('/sandbox-api/fhir/Patient') &&
          response.request().method() === 'GET',
      ),
      tab.click('.btn.execute'),
    ]);
    expect(answer.status()).toBe(200);
    expect(await answer.json()).toMatchObject({ resourceType: 'Bundle', type: 'searchset' });
    expect(answer.request().headers().authorization).toMatch(/^Bearer eyJ/);
    await context.close();
  }, 60_000);
});
