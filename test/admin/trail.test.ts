import type { Action } from '../../src/audit/act.ts';
import { recordAct } from '../../src/audit/store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import type { Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { anAccount, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anAdministrator } from './support.ts';

describe('the trail, as auditors read it', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let auditor: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    auditor = await anAdministrator(server, passwords, ['auditor'], 'Joan Whitlock');
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const read = async (query: Record<string, string> = {}) =>
    (await auditor.open(`/admin/trail?${new URLSearchParams(query)}`)).text;
  const rows = (page: string): number => [...page.matchAll(/<td><time/g)].length;
  async function aDeed(action: Action = 'team.made', reason = 'a <reason>') {
    const priya = await anAccount(server.pool, { name: 'Priya Nair' });
    const team = await aTeam(server.pool, { name: 'Larkfield' });
    await recordAct(server.pool, {
      actor: { kind: 'account', id: priya.id },
      action,
      subject: { kind: 'team', id: team.id },
      caller: { address: '192.0.2.7', requestId: 'req_1' },
      reason,
      detail: { name: 'Larkfield' },
    });
    return { priya, team };
  }

  test('says who did what to what, from where and why, escaped', async () => {
    const { priya, team } = await aDeed();
    const page = await read({ actor: priya.id });
    for (const said of ['Team made', 'team.made', '192.0.2.7', 'req_1', 'a &lt;reason&gt;']) {
      expect(page).toContain(said);
    }
    expect(page).toContain(`href="/admin/people/${priya.id}">Priya Nair`);
    expect(page).toContain(`href="/admin/teams/${team.id}">Larkfield`);
  });

  test('is narrowed by who, to what, what and when, and keeps what was typed', async () => {
    const { priya, team } = await aDeed();
    await aDeed('team.renamed');
    expect(rows(await read({ actor: priya.email.toUpperCase() }))).toBe(1);
    expect(rows(await read({ subject: team.id }))).toBe(1);
    const renamed = await read({ action: 'team.renamed' });
    expect(rows(renamed)).toBe(1);
    expect(renamed).toMatch(/<option selected>team\.renamed/);
    const today = new Date().toISOString().slice(0, 10);
    expect(rows(await read({ day: today, subject: team.id }))).toBe(1);
    expect(await read({ day: '2001-01-01' })).toContain('Nothing fits.');
    for (const [name, nonsense] of [
      ['day', '2026-13-45'],
      ['day', '2026-02-31'],
      ['action', 'x'],
      ['before', 'x'],
    ] as const) {
      expect(rows(await read({ [name]: nonsense, subject: team.id }))).toBe(1);
    }
  });

  test('has pages that keep the filter', async () => {
    const team = { kind: 'team', id: 'team_of_many' } as const;
    for (let n = 0; n < 60; n += 1) {
      await recordAct(server.pool, {
        actor: { kind: 'system' },
        action: 'team.made',
        subject: team,
      });
    }
    const first = await read({ subject: team.id });
    const older = /href="([^"]+)">Older/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = (await auditor.open(older)).text;
    expect([rows(first), rows(second)]).toEqual([50, 10]);
    expect(second).toContain('>Newest<');
  });

  test('is downloaded whole as CSV, which no spreadsheet takes for formulas; that is in it too', async () => {
    const { team } = await aDeed('team.made', '=cmd("x"), and more');
    for (let n = 0; n < 1005; n += 1) {
      await recordAct(server.pool, {
        actor: { kind: 'system' },
        action: 'team.renamed',
        subject: { kind: 'team', id: team.id },
      });
    }
    const page = await auditor.open(`/admin/trail.csv?subject=${team.id}`);
    expect(page.headers.get('content-type')).toContain('text/csv');
    expect(page.headers.get('content-disposition')).toContain('trail.csv');
    const lines = page.text.trimEnd().split('\r\n');
    expect(lines[0]).toBe(
      'id,at,actorKind,actorId,role,action,subjectKind,subjectId,environment,address,requestId,reason,detail',
    );
    expect(lines).toHaveLength(1 + 1006);
    expect(lines.at(-1)).toContain(`"'=cmd(""x""), and more"`);
    expect(new Set(lines.slice(1).map((line) => line.split(',')[0])).size).toBe(1006);
    expect(rows(await read({ action: 'trail.downloaded' }))).toBe(1);
  });
});
