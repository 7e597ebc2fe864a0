import type { Page } from 'playwright-core';
import { findAccountByEmail } from '../../src/accounts/store.ts';
import { insertSuspension } from '../../src/suspensions/store.ts';
import { deleteMember, upsertMember } from '../../src/teams/store.ts';
import type { MemberRole } from '../../src/teams/team.ts';
import { anAccount, aTeam } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import type { Stage } from './stage.ts';
import { helen, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

async function visit(
  page: Page,
  { baseUrl }: TestServer,
  [email, password]: readonly [string, string],
  path: string,
): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${baseUrl}${path}`);
}

/** A team in which Priya is what is said, with two others; answers its path. */
async function aTeamOfThree(
  { pool }: TestServer,
  role: MemberRole = 'owner',
): Promise<{ id: string; path: string; other: string }> {
  const samir = await anAccount(pool, { name: 'Samir Holt', email: 'samir@larkfield.example' });
  const noor = await anAccount(pool, {
    name: 'Noor Haddad-Constantinopolous',
    email: 'noor.haddad-constantinopolous@larkfield.example',
  });
  const team = await aTeam(pool, { name: 'Ward Round Helper', members: [samir] });
  const self = await findAccountByEmail(pool, priya[0]);
  await upsertMember(pool, { teamId: team.id, accountId: noor.id, role: 'member' });
  await upsertMember(pool, { teamId: team.id, accountId: self?.id ?? '', role });
  return { id: team.id, path: `/teams/${team.id}`, other: samir.id };
}

const at =
  (more: string, role: MemberRole = 'owner') =>
  async (page: Page, { demo }: Stage): Promise<void> => {
    const { path } = await aTeamOfThree(demo, role);
    await visit(page, demo, priya, `${path}${more}`);
  };

/** Sends the form of `more` with nothing in it. */
const emptyAt =
  (more: string) =>
  async (page: Page, stage: Stage): Promise<void> => {
    await at(more)(page, stage);
    await page.locator('main form button').last().click();
    await page.getByRole('alert').waitFor();
  };

async function invite(page: Page, email: string): Promise<void> {
  await page.getByRole('link', { name: 'Invite somebody' }).click();
  await page.getByLabel('Their email').fill(email);
  await page.getByRole('button', { name: 'Send the invitation' }).click();
  await page.getByText('The invitation is on its way').waitFor();
}

/** Priya invites somebody; answers the path of the letter's link. */
async function invited(page: Page, { demo }: Stage, email: string): Promise<string> {
  await at('')(page, { demo } as Stage);
  await invite(page, email);
  const { rows } = await demo.pool.query<{ link: string }>(
    `select data ->> 'link' as link from letters where recipient = $1 order by number desc limit 1`,
    [email],
  );
  await page.context().clearCookies();
  return new URL(rows[0]?.link ?? '').pathname;
}

/** A team in every state, and how people come into one and leave it. */
export const teamShots: readonly Shot[] = [
  {
    name: 'teams',
    sizes: shell,
    reach: async (page, { demo }) => {
      await aTeamOfThree(demo, 'member');
      await visit(page, demo, priya, '/teams');
    },
  },
  {
    name: 'teams-none',
    sizes: few,
    reach: async (page, { bare }) => {
      const self = await findAccountByEmail(bare.pool, priya[0]);
      const place = { teamId: 'team_larkfield', accountId: self?.id ?? '' };
      await deleteMember(bare.pool, place);
      await visit(page, bare, priya, '/teams');
      await upsertMember(bare.pool, { ...place, role: 'owner' });
    },
  },
  {
    name: 'team-new',
    sizes: few,
    reach: (page, { demo }) => visit(page, demo, priya, '/teams/new'),
  },
  {
    name: 'team',
    sizes: shell,
    reach: async (page, stage) => {
      await at('')(page, stage);
      await invite(page, 'somebody.with.a.long.name@department.of.something.larkfield.example');
      await stage.demo.pool.query('update team_invitations set expires_at = now()');
      await invite(page, 'oda.brandt@fernhill.example');
    },
  },
  { name: 'team-as-member', sizes: few, reach: at('', 'member') },
  {
    name: 'team-suspended',
    sizes: few,
    reach: async (page, { demo }) => {
      const { id, path } = await aTeamOfThree(demo);
      const reason = 'Its applications call us three thousand times a minute.';
      await insertSuspension(demo.pool, { kind: 'team', id, reason, suspendedBy: null });
      await visit(page, demo, priya, path);
    },
  },
  { name: 'team-invite', sizes: shell, reach: at('/invite') },
  { name: 'team-invite-wrong', sizes: few, refused: [422], reach: emptyAt('/invite') },
  {
    name: 'team-member',
    sizes: shell,
    reach: async (page, { demo }) => {
      const { path, other } = await aTeamOfThree(demo);
      await visit(page, demo, priya, `${path}/members/${other}`);
    },
  },
  { name: 'team-name', sizes: few, reach: at('/name') },
  { name: 'team-hand-over', sizes: few, reach: at('/hand-over') },
  { name: 'team-hand-over-wrong', sizes: few, refused: [422], reach: emptyAt('/hand-over') },
  { name: 'team-leave', sizes: few, reach: at('/leave') },
  {
    name: 'team-leave-last',
    sizes: few,
    refused: [409],
    reach: async (page, { demo }) => {
      await visit(page, demo, priya, '/teams/team_larkfield/leave');
      await page.getByRole('button', { name: 'Leave the team' }).click();
      await page.getByText('Hand over first').waitFor();
    },
  },
  {
    name: 'team-delete',
    sizes: shell,
    reach: (page, { demo }) => visit(page, demo, priya, '/teams/team_larkfield/delete'),
  },
  { name: 'team-delete-wrong', sizes: few, refused: [422], reach: emptyAt('/delete') },
  {
    name: 'invitation',
    sizes: shell,
    reach: async (page, stage) => {
      const path = await invited(page, stage, helen[0]);
      await visit(page, stage.demo, helen, path);
    },
  },
  {
    name: 'invitation-signed-out',
    sizes: few,
    reach: async (page, stage) => {
      const path = await invited(page, stage, 'new.one@larkfield.example');
      await page.goto(`${stage.demo.baseUrl}${path}`);
    },
  },
  {
    name: 'invitation-of-another',
    sizes: few,
    reach: async (page, stage) => {
      const path = await invited(page, stage, 'new.two@larkfield.example');
      await visit(page, stage.demo, helen, path);
    },
  },
  {
    name: 'invitation-ended',
    sizes: few,
    refused: [410],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/invitations/none`),
  },
];
