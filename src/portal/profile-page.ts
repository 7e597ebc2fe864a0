import type { AdministratorRole } from '../accounts/account.ts';
import { findEmailChange } from '../accounts/email-change-store.ts';
import type { Self } from '../accounts/own-account-service.ts';
import { listSessionsOf } from '../accounts/session-store.ts';
import { dayInWords, listed, timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { listConsents } from '../oauth/consents.ts';
import { listTeamsOf } from '../teams/store.ts';

/** What has just been done, said on the page that one comes back to. */
const done: Readonly<Record<string, string>> = {
  name: 'Your name is changed.',
  password:
    'Your password is changed. You are signed out everywhere else, and applications have to ask you again.',
  'second-factor-removed':
    'Your password alone opens your account again. You are signed out everywhere else, and applications have to ask you again.',
  email: 'Your email address is changed. Sign in with the new one from now on.',
  'email-cancelled': 'Your email address stays as it is.',
  session: 'That browser is signed out.',
  sessions: 'You are signed out everywhere else.',
  consent: 'The access is withdrawn. The application can ask you again.',
};

const roleWords: Readonly<Record<AdministratorRole, string>> = {
  approver: 'approver',
  publisher: 'publisher',
  support: 'support (reads only)',
  auditor: 'auditor',
  owner: 'owner',
};

/** The page object of views/portal/profile.ejs. */
export async function profilePage(db: Db, self: Self, justDone: unknown): Promise<object> {
  const { account, session } = self;
  const [teams, sessions, consents, change] = await Promise.all([
    listTeamsOf(db, account.id),
    listSessionsOf(db, account.id),
    listConsents(db, account.id),
    findEmailChange(db, account.id),
  ]);
  return {
    done: (typeof justDone === 'string' && Object.hasOwn(done, justDone) && done[justDone]) || null,
    name: account.name,
    email: account.email,
    secondFactor:
      account.secondFactorSince && dayInWords(account.secondFactorSince).replace('Today', 'today'),
    newEmail: change?.email ?? null,
    teams: teams.map(({ name }) => name),
    roles: listed(account.roles.map((role) => roleWords[role])),
    since: dayInWords(account.createdAt),
    sessions: sessions
      .map(({ id, label, address, createdAt, seenAt }) => ({
        id,
        label,
        address,
        since: timeInWords(createdAt),
        seen: timeInWords(seenAt),
        own: id === session.id,
      }))
      .sort((a, b) => Number(b.own) - Number(a.own)),
    consents: consents.map(({ since, until, products, ...rest }) => ({
      ...rest,
      products: listed(products),
      since: dayInWords(since),
      until: until && dayInWords(until),
    })),
  };
}
