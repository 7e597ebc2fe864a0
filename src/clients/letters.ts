import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { findActorName } from '../audit/store.ts';
import type { Db } from '../db/pool.ts';
import { quotable } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { inOneLine } from '../subscriptions/letters.ts';
import { type Application, listTeamToTell } from './application-store.ts';

/** What the use cases of clients are made of. */
export type ClientParts = {
  pool: pg.Pool;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** How often, by team: its people read a letter about each secret of its applications. */
export const applicationLetters = {
  purpose: 'application-letters',
  perName: { points: 60, seconds: 3600 },
  perAddress: null,
};

/** Writes to everybody in the team; a first-party client has none, and the trail alone knows. */
export async function tellTeam(
  tx: Db,
  { baseUrl }: ClientParts,
  { actor }: Doer,
  {
    id,
    name: application,
    teamId,
    teamName,
  }: Pick<Application, 'id' | 'name' | 'teamId' | 'teamName'>,
  /** Such as "has ended a secret of" and a whole sentence. */
  words: { deed: string; next: string },
): Promise<void> {
  if (teamId === null) return;
  const doer = await findActorName(tx, actor);
  const names = {
    who: quotable(inOneLine(doer ?? 'The programme'), 'Somebody of your team'),
    application: quotable(inOneLine(application), id),
    team: quotable(inOneLine(teamName ?? ''), teamId),
  };
  const link = `${baseUrl}/applications/${id}`;
  for (const { name, email } of await listTeamToTell(tx, teamId)) {
    const data = { ...words, ...names, name, link };
    await enqueueLetter(tx, { to: email, letter: { template: 'application-changed', data } });
  }
}
