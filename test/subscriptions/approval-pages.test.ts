import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { lettersTo, submitTo } from '../accounts/register-support.ts';
import { aPerson, type Person, send, signInAs } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aDeveloper, askFor, historyOf } from './support.ts';

describe('the pages of approvals', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let helen: Person;
  let samir: Person;
  let product: Product;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    helen = await anAdministrator('Helen Ashby', 'approver');
    samir = await anAdministrator('Samir Holt', 'owner');
    product = await aProduct(server.pool, {
      name: 'Submit Records',
      needsApproval: true,
      scopes: [
        { scope: 'user/Patient.rs', description: 'Read names', isDefault: true },
        { scope: 'user/Observation.c', description: 'Record observations', isDefault: true },
      ],
    });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  async function anAdministrator(name: string, role: string): Promise<Person> {
    const person = await aPerson(server, passwords, { name });
    await server.pool.query('insert into account_roles values ($1, $2)', [person.account.id, role]);
    return person;
  }

  async function aRequest(given: { purpose?: string } = {}) {
    const developer = await aDeveloper(server.pool, { name: 'Priya Nair' });
    const request = await askFor(server.pool, developer, product, given);
    const path = `/admin/approvals/${request.id}`;
    return { developer, request, path };
  }
  const now = (request: Subscription) => findSubscription(server.pool, request.id);
  const both = { 'scope user/Patient.rs': 'yes', 'scope user/Observation.c': 'yes' };
  const decide = (who: Person, path: string, deed: string, fields: Record<string, string>) =>
    send(who, path, fields, `${path}/${deed}`);

  test('approved: active with keys, the page says so, the developer gets a letter', async () => {
    const { developer, request, path } = await aRequest();
    const page = await helen.open(path);
    expect(page.text).toContain('Showing a ward round who needs what.');
    expect(page.text).toContain(developer.account.email);

    const done = await decide(helen, path, 'approve', {
      ...both,
      reason: 'Fine for the pilot.',
      until: '2099-11-23',
    });
    expect(done.url).toBe(`${server.baseUrl}${path}?done=approve`);
    expect(done.text).toContain('Approved. The team was told.');
    expect(done.text).toContain('Approved by you: Fine for the pilot.');
    expect(await now(request)).toMatchObject({
      state: 'active',
      decidedAs: 'administrator',
      decidedBy: helen.account.id,
      reason: 'Fine for the pilot.',
      expiresAt: new Date('2099-11-23T23:59:59Z'),
      scopes: null,
    });
    expect(await lettersTo(server.pool, developer.account.email)).toMatchObject(
      [
        {
          template: 'subscription-approved',
          data: {
            by: 'Helen Ashby',
            reason: 'Fine for the pilot.',
            until: '23 November 2099',
            may: '',
            link: `${server.baseUrl}/subscriptions/${request.id}`,
          },
        },
      ].map((letter) => ({ ...letter, data: { ...letter.data, link: expect.any(String) } })),
    );
  });

  test('approved with fewer scopes', async () => {
    const { developer, request, path } = await aRequest();
    await decide(helen, path, 'approve', {
      'scope user/Patient.rs': 'yes',
      reason: 'Reading only.',
    });
    expect((await now(request))?.scopes).toEqual(['user/Patient.rs']);
    const [letter] = await lettersTo(server.pool, developer.account.email);
    expect(letter?.data.may).toBe('user/Patient.rs');
    expect((await helen.open(path)).text).not.toContain('Record observations');
  });

  test('rejected, with the reason on the page and in the letter', async () => {
    const { developer, request, path } = await aRequest();
    const reason = 'Which wards?\r\n\r\nAnd who looks after it?';
    const done = await decide(helen, path, 'reject', { reason });
    expect(done.text).toContain('Rejected. The team was told.');
    expect(await now(request)).toMatchObject({ state: 'rejected', expiresAt: null });
    expect(await lettersTo(server.pool, developer.account.email)).toMatchObject([
      {
        template: 'subscription-rejected',
        data: { reason: 'Which wards? And who looks after it?' },
      },
    ]);
    expect(done.text).not.toContain(`${path}/approve`);
  });

  test.each([
    ['approve', { ...both, reason: ' ' }, 'Fill this in.'],
    ['approve', { ...both, reason: 'Yes.', until: '2020-01-01' }, 'still to come'],
    ['approve', { ...both, reason: 'Yes.', until: 'soon' }, 'a day such as'],
    ['approve', { reason: 'Yes.' }, 'Leave at least one'],
    ['approve', { 'scope nonsense': 'yes', reason: 'Yes.' }, 'The product has changed'],
    ['reject', { reason: '' }, 'Fill this in.'],
    ['reject', { reason: 'x'.repeat(2001) }, 'at most 2,000'],
  ])('%s with %j: the page again, with what was typed', async (deed, fields, sentence) => {
    const { request, path } = await aRequest();
    const page = await decide(helen, path, deed, fields as Record<string, string>);
    expect([page.status, page.text.includes(sentence)]).toEqual([422, true]);
    expect(page.text).toContain('<title>Error: ');
    expect(page.text).toContain(fields.reason.trim());
    expect((await now(request))?.state).toBe('submitted');
  });

  test('suspended and resumed with a reason each, then another end', async () => {
    const { developer, request, path } = await aRequest();
    await decide(helen, path, 'approve', { ...both, reason: 'Fine.' });
    const suspended = await decide(samir, path, 'suspend', { reason: 'It calls us too often.' });
    expect(suspended.text).toContain('Suspended by you: It calls us too often.');
    expect((await now(request))?.state).toBe('suspended');
    await decide(helen, path, 'resume', { reason: 'It stopped.' });
    const ended = await decide(helen, path, 'end', { until: '2098-01-31', reason: 'A pilot.' });
    expect(ended.text).toContain('31 January 2098');
    expect(await now(request)).toMatchObject({
      state: 'active',
      expiresAt: new Date('2098-01-31T23:59:59Z'),
    });
    expect(
      (await lettersTo(server.pool, developer.account.email)).map(({ template }) => template),
    ).toEqual([
      'subscription-approved',
      'subscription-suspended',
      'subscription-resumed',
      'subscription-end-changed',
    ]);
    expect(await historyOf(server.pool, request.id)).toEqual([
      'subscription.asked',
      'subscription.approved',
      'subscription.suspended',
      'subscription.resumed',
      'subscription.end_changed',
    ]);
  });

  test('of two approvers the second is told what was decided, by whom and why', async () => {
    const { request, path } = await aRequest();
    const slow = await samir.open(path);
    await decide(helen, path, 'approve', { ...both, reason: 'Fine for the pilot.' });
    const late = await submitTo(samir.browser, slow, `${path}/reject`, {
      reason: 'Not before February.',
    });
    expect(late.status).toBe(409);
    expect(late.text).toContain('Somebody was faster, and nothing was saved.');
    expect(late.text).toMatch(
      /Made active by Helen Ashby, today, \d\d:\d\d UTC: Fine for the pilot./,
    );
    expect(late.text).toContain('You wrote: “Not before February.”');
    const empty = await submitTo(samir.browser, slow, `${path}/reject`, { reason: '' });
    expect(empty.status).toBe(409); // not 422: there is nothing left to correct
    expect((await now(request))?.state).toBe('active');
  });

  test('two approvers at once, twenty times: one wins, and there is one letter', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { developer, request, path } = await aRequest();
      const [first, second] = [await helen.open(path), await samir.open(path)];
      const answers = await Promise.all([
        submitTo(helen.browser, first, `${path}/approve`, { ...both, reason: 'Yes.' }),
        submitTo(samir.browser, second, `${path}/${round % 2 ? 'approve' : 'reject'}`, {
          ...both,
          reason: 'No.',
        }),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const winner = answers[0]?.status === 200 ? helen : samir;
      expect((await now(request))?.decidedBy).toBe(winner.account.id);
      expect(await lettersTo(server.pool, developer.account.email)).toHaveLength(1);
      expect(await historyOf(server.pool, request.id)).toHaveLength(2);
    }
  }, 60_000);

  test('the letter opens the request, after the sign-in that it asks for', async () => {
    const { request, path } = await aRequest();
    const letter = (await lettersTo(server.pool, helen.account.email)).at(-1);
    expect(letter?.data.link).toContain(`/admin/approvals/${request.id}`);
    const asked = await newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
    expect([asked.status, asked.text.includes(`value="${path}"`)]).toEqual([401, true]);
  });

  test('the queue: oldest first with its age, what was decided, and all', async () => {
    const { request } = await aRequest();
    await server.pool.query(
      `update subscriptions set created_at = now() - interval '3 days' where id = $1`,
      [request.id],
    );
    const rows = (page: Page) =>
      [...page.text.matchAll(/admin\/approvals\/(sub_\w+)/g)].map(([, id]) => id);
    const waiting = await helen.open('/admin/approvals');
    expect(waiting.text).toMatch(/\d+ requests wait; the oldest for 3 days\./);
    expect(rows(waiting)[0]).toBe(request.id);
    expect(rows(await helen.open('/admin/approvals?show=decided'))).not.toContain(request.id);
    expect(rows(await helen.open('/admin/approvals?show=all'))).toContain(
      rows(await helen.open('/admin/approvals?show=decided'))[0],
    );
  });

  test('a long queue has pages, and each request is on one of them', async () => {
    for (let more = 0; more < 30; more += 1) await aRequest();
    const { rows } = await server.pool.query(
      `select id from subscriptions where state = 'submitted' order by created_at, id`,
    );
    const seen: string[] = [];
    let path: string | undefined = '/admin/approvals';
    while (path) {
      const { text } = await helen.open(path);
      seen.push(...[...text.matchAll(/admin\/approvals\/(sub_\w+)/g)].map(([, id]) => String(id)));
      path = /href="([^"]+)">Newer/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen).toEqual(rows.map(({ id }) => id));
  });

  test('support and auditors read, publishers too; only approvers and owners decide', async () => {
    const { request, path } = await aRequest();
    const outcomes: unknown[] = [];
    for (const role of ['support', 'auditor', 'publisher']) {
      const reader = await anAdministrator('Rae Reader', role);
      const page = await reader.open(path);
      outcomes.push([page.status, page.text.includes(`${path}/approve`)]);
      const form = await reader.open('/profile/name'); // any form, for its token
      const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
      const answer = await reader.browser.open(`${server.baseUrl}${path}/approve`, {
        method: 'POST',
        body: new URLSearchParams({ csrf, reason: 'Yes.' }),
        headers: { origin: server.baseUrl },
      });
      outcomes.push(answer.status);
    }
    expect(outcomes).toEqual([[200, false], 403, [200, false], 403, [200, false], 403]);
    expect((await now(request))?.state).toBe('submitted');
  });

  test('for everybody else there is no such place, nor for a form that is not ours', async () => {
    const { developer, request, path } = await aRequest();
    await server.pool.query('update accounts set password_hash = $2 where id = $1', [
      developer.account.id,
      await passwords.hash('seven herons crossed a loud river'),
    ]);
    const browser = await signInAs(server, developer.account.email);
    for (const place of ['/admin', '/admin/approvals', path]) {
      expect((await browser.open(`${server.baseUrl}${place}`)).status).toBe(404);
    }
    const foreign = await helen.browser.open(`${server.baseUrl}${path}/approve`, {
      method: 'POST',
      body: new URLSearchParams({ reason: 'Yes.' }),
      headers: { origin: server.baseUrl },
    });
    expect(foreign.status).toBe(403);
    expect((await now(request))?.state).toBe('submitted');
    expect((await helen.open('/admin/approvals/sub_nonsense')).status).toBe(404);
  });

  test('an approver reads that they cannot approve what their own team asks', async () => {
    const lone = await anAdministrator('Lone Approver', 'approver');
    const { rows } = await server.pool.query(
      'select team_id from team_members where account_id = $1',
      [lone.account.id],
    );
    const team = { id: rows[0].team_id, name: 'Own', createdAt: new Date() };
    const doer = { actor: { kind: 'account', id: lone.account.id } } as const;
    const request = await askFor(server.pool, { team, doer }, product);
    const page = await lone.open(`/admin/approvals/${request.id}`);
    expect(page.text).toContain('You asked for this, or are a member of this team.');
    expect(page.text).not.toContain('/approve"');
  });

  test('why a request for an open product waits stands beside it', async () => {
    const open = await aProduct(server.pool);
    const someone = await aDeveloper(server.pool);
    const { id } = await askFor(server.pool, someone, open);
    for (const state of ['suspended', 'cancelled']) {
      await server.pool.query('update subscriptions set state = $2, reason = $3 where id = $1', [
        id,
        state,
        'It hammers the API.',
      ]);
    }
    const again = await askFor(server.pool, someone, open);
    const page = await helen.open(`/admin/approvals/${again.id}`);
    expect(page.text).toContain('what this team had of it was suspended, or given an end');
    expect((await helen.open(`/admin/approvals/${id}`)).text).toContain('nobody has to approve it');
  });

  test('what a developer writes is text', async () => {
    const { path } = await aRequest({ purpose: '<script>alert(1)</script> and more of it' });
    const page = await helen.open(path);
    expect(page.text).toContain('&lt;script&gt;alert(1)');
    expect(page.text).not.toContain('<script>alert');
  });
});
