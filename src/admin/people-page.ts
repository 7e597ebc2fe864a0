import { type Account, administratorRoles } from '../accounts/account.ts';
import { findAccountProfile } from '../accounts/profile-store.ts';
import { listSessionsOf } from '../accounts/session-store.ts';
import { findAccount } from '../accounts/store.ts';
import { listActsAround } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { type Environment, environments } from '../base/environment.ts';
import { counted, dayInWords, listed } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { listMemberships } from '../teams/store.ts';
import { noAccount } from './people-service.ts';
import { listPeople, listSubjectRoles } from './people-store.ts';

const pageLines = 50;
const historyLines = 20;

/** What each role lets somebody do, where it is given. */
export const roleWords = {
  approver: 'Decides about requests, suspends and resumes subscriptions, applications and teams.',
  publisher: 'Makes and changes products, APIs and first-party applications.',
  support: 'Sees everything but the trail, and changes nothing.',
  auditor: 'Sees everything, the trail too, and changes nothing.',
  owner: 'May do everything, and gives these roles.',
} as const;

/** The page object of views/admin/people.ejs. */
export async function peoplePage(
  db: Db,
  { before, administrators }: { before: string | null; administrators: boolean },
): Promise<object> {
  const found = await listPeople(db, { before, administrators, limit: pageLines + 1 });
  const people = found.slice(0, pageLines);
  return {
    administrators,
    first: before === null,
    next: found.length > pageLines ? (people.at(-1)?.id ?? null) : null,
    people: people.map((one) => ({
      ...one,
      roles: listed(one.roles),
      teams: listed(one.teams),
      since: dayInWords(one.createdAt),
    })),
  };
}

/** What was typed on the page and refused. */
export type Earlier = {
  done?: string | null;
  /** Under `roles`, `reason`, `sandbox` and `live`. */
  errors?: Readonly<Record<string, string>>;
  reason?: string;
  profile?: { environment: Environment; role: string; patient: string; reason: string };
};

/** The page object of views/admin/person.ejs. @throws {NotFound} */
export async function personPage(
  db: Db,
  { accountId, reader }: { accountId: string; reader: Account },
  { before, ...earlier }: Earlier & { before: string | null },
): Promise<object> {
  const account = await findAccount(db, accountId);
  if (!account) throw noAccount();
  const [teams, sessions, acts, profiles] = await Promise.all([
    listMemberships(db, accountId),
    listSessionsOf(db, accountId),
    listActsAround(db, accountId, { before, limit: historyLines + 1 }),
    Promise.all(
      environments.map((environment) => profileIn(db, { accountId, environment }, earlier.profile)),
    ),
  ]);
  const shown = acts.slice(0, historyLines);
  const may = (...roles: string[]) => reader.roles.some((role) => roles.includes(role));
  return {
    done: earlier.done ?? null,
    errors: earlier.errors ?? {},
    reason: earlier.reason ?? '',
    id: account.id,
    name: account.name,
    email: account.email,
    verified: account.emailVerifiedAt ? dayInWords(account.emailVerifiedAt) : null,
    since: dayInWords(account.createdAt),
    sessions: sessions.length > 0 ? counted(sessions.length, 'browser') : 'no browser',
    secondFactor: account.secondFactorSince ? dayInWords(account.secondFactorSince) : null,
    own: account.id === reader.id,
    mayGiveRoles: may('owner'),
    mayRemoveFactor: may('owner') && account.id !== reader.id,
    mayGiveProfiles: may('owner') || (may('approver') && account.id !== reader.id),
    roles: administratorRoles.map((id) => ({
      id,
      words: roleWords[id],
      has: account.roles.includes(id),
    })),
    teams: teams.map(({ id, name, role }) => ({ id, name, role })),
    profiles,
    history: historyOf(shown, reader.id).map((line, at) => ({
      ...line,
      about: shown[at]?.subjectId === accountId ? null : (shown[at]?.subjectName ?? null),
    })),
    older: acts.length > historyLines ? (shown.at(-1)?.id ?? null) : null,
  };
}

async function profileIn(
  db: Db,
  place: { accountId: string; environment: Environment },
  earlier: Earlier['profile'],
): Promise<object> {
  const profile = await findAccountProfile(db, place);
  const known = await listSubjectRoles(db, place.environment);
  const typed = earlier?.environment === place.environment ? earlier : undefined;
  return {
    environment: place.environment,
    role: typed?.role ?? profile?.role ?? '',
    patient: typed?.patient ?? profile?.patient ?? '',
    reason: typed?.reason ?? '',
    roles: [...new Set([...known, ...(profile ? [profile.role] : [])])],
  };
}
