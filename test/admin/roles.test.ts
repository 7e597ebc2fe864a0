import { type AdministratorRole, administratorRoles } from '../../src/accounts/account.ts';
import { desk } from '../../src/admin/desk.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { aPerson, type Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anAdministrator } from './support.ts';

/** Who may use each address; an owner may use them all. As docs/administrators.md says it. */
const anybody: readonly AdministratorRole[] = administratorRoles;
const doors: Record<string, readonly AdministratorRole[]> = {
  'GET /admin': anybody,
  'GET /admin/approvals': anybody,
  'GET /admin/approvals/:id': anybody,
  'POST /admin/approvals/:id/approve': ['approver'],
  'POST /admin/approvals/:id/reject': ['approver'],
  'POST /admin/approvals/:id/suspend': ['approver'],
  'POST /admin/approvals/:id/resume': ['approver'],
  'POST /admin/approvals/:id/end': ['approver'],
  'GET /admin/people': anybody,
  'GET /admin/people/:id': anybody,
  'POST /admin/people/:id/roles': [],
  'POST /admin/people/:id/profiles/:environment': ['approver'],
  'POST /admin/people/:id/second-factor/remove': [],
  'GET /admin/teams/:id': anybody,
  'GET /admin/search': anybody,
  'GET /admin/switch': anybody,
  'GET /admin/switch/:kind/:id': anybody,
  'POST /admin/switch/:kind/:id/suspend': ['approver'], // for a client, as below
  'POST /admin/switch/:kind/:id/lift': ['approver'],
  'GET /admin/products': anybody,
  'GET /admin/products/new': ['publisher'],
  'POST /admin/products/new': ['publisher'],
  'GET /admin/products/:id': anybody,
  'POST /admin/products/:id': ['publisher'],
  'POST /admin/products/:id/state': ['publisher'],
  'GET /admin/apis': anybody,
  'GET /admin/apis/new': ['publisher'],
  'POST /admin/apis/new': ['publisher'],
  'GET /admin/apis/:id': anybody,
  'GET /admin/apis/:id/document': anybody,
  'POST /admin/apis/:id/document': ['publisher'],
  'POST /admin/apis/:id/current': ['publisher'],
  'POST /admin/apis/:id/remove': ['publisher'],
  'POST /admin/apis/:id/base-urls': ['publisher'],
  'POST /admin/apis/:id/calls': ['publisher'],
  'GET /admin/gateways': anybody,
  'GET /admin/gateways/new': ['publisher'],
  'POST /admin/gateways/new': ['publisher'],
  'GET /admin/gateways/:id': anybody,
  'POST /admin/gateways/:id': ['publisher'],
  'POST /admin/gateways/:id/credentials': ['publisher'],
  'POST /admin/gateways/:id/credentials/:credential/end': ['publisher'],
  'GET /admin/gateways/:id/remove': ['publisher'],
  'POST /admin/gateways/:id/remove': ['publisher'],
  'GET /admin/clients': anybody,
  'GET /admin/clients/new': ['publisher'],
  'POST /admin/clients/new': ['publisher'],
  'GET /admin/clients/:id': anybody,
  'GET /admin/clients/:id/change': ['publisher'],
  'POST /admin/clients/:id/change': ['publisher'],
  'GET /admin/clients/:id/delete': ['publisher'],
  'POST /admin/clients/:id/delete': ['publisher'],
  'POST /admin/clients/:id/secrets': ['publisher'],
  'POST /admin/clients/:id/secrets/:secret/end': ['publisher'],
  'POST /admin/clients/:id/assertion': ['publisher'],
  'GET /admin/trail': ['auditor'],
  'GET /admin/trail.csv': ['auditor'],
  'GET /admin/use': anybody,
  'GET /admin/use/calls.csv': anybody,
  'GET /admin/use/calls.jsonl': anybody,
  'GET /admin/use/calls.json': anybody,
  'GET /admin/use/statements': anybody,
  'GET /admin/use/statements.csv': anybody,
  'GET /admin/use/refusals': anybody,
  'GET /admin/use/refusals/:id': anybody,
};

/** What stands in the place of a parameter; what else it may be is found by no name. */
const sample: Record<string, string> = { kind: 'client', environment: 'sandbox' };

const routes = desk({} as Parameters<typeof desk>[0]) // made, and asked for nothing but its addresses
  .stack.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`))
  .filter((door) => !door.startsWith('HEAD '))
  .map((door) => door.replace(/(?<=.)\/$/, ''));

test('every address of the desk has a line that says whose it is, and no line is left over', () => {
  expect([...new Set(routes)].sort()).toEqual(Object.keys(doors).sort());
});

describe('the desk', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  const people = new Map<string, Person>();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    for (const role of administratorRoles) {
      people.set(role, await anAdministrator(server, passwords, [role], role));
    }
    people.set('developer', await aPerson(server, passwords, { name: 'developer' }));
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  /** The answer's code, without a form's token: a role that is allowed gets as far as that. */
  async function knock(door: string, who: string): Promise<{ status: number; error: string }> {
    const [method = '', path = ''] = door.split(' ');
    const filled = path.replace(/:(\w+)/g, (_, name) => sample[name] ?? 'no-such-thing');
    const browser = people.get(who)?.browser ?? newBrowser(server.baseUrl);
    const page = await browser.open(`${server.baseUrl}${filled}`, {
      method,
      headers: { accept: 'application/json', origin: server.baseUrl },
      ...(method === 'POST' && { body: new URLSearchParams({ csrf: '' }) }),
    });
    const body = page.text.startsWith('{') ? JSON.parse(page.text) : {};
    return { status: page.status, error: body.error ?? '' };
  }

  const cases = Object.entries(doors).flatMap(([door, roles]) =>
    administratorRoles.map((role) => ({
      door,
      role,
      answer: role === 'owner' || roles.includes(role) ? 'opens' : 'is refused',
    })),
  );

  test.each(cases)('$door $answer for $role', async ({ door, role, answer }) => {
    const { status, error } = await knock(door, role);
    if (answer === 'is refused') {
      expect([status, error]).toEqual([403, 'lacks_role']);
    } else {
      expect(['lacks_role', 'not_found', 'sign_in', 'server_error']).not.toContain(error);
      expect(status).not.toBe(500);
    }
  });

  test.each(Object.keys(doors))('%s is nothing to a developer', async (door) => {
    expect(await knock(door, 'developer')).toEqual({ status: 404, error: 'not_found' });
  });

  test.each(Object.keys(doors))('%s asks whoever is signed out to sign in', async (door) => {
    expect(await knock(door, 'nobody')).toEqual({ status: 401, error: 'sign_in' });
  });

  test('shows the sign-in form in the place of a page', async () => {
    const page = await newBrowser(server.baseUrl).open(`${server.baseUrl}/admin/people`);
    expect([page.status, page.text]).toEqual([401, expect.stringContaining('type="password"')]);
  });

  test('has a page that tells what needs somebody', async () => {
    await server.pool.query(
      `insert into letters (recipient, template, data, dead_at) values ('x@example.com', 'x', '{}', now())`,
    );
    const page = await (people.get('support') as Person).open('/admin');
    expect(page.text).toContain('No request waits for approval.');
    expect(page.text).toContain('1 letter could not be sent');
    expect(page.text).not.toContain('/admin/trail">Who did what');
  });
});
