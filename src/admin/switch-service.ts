import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { quotable } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { deleteSuspension, insertSuspension } from '../suspensions/store.ts';
import type { Stopped } from '../suspensions/suspension.ts';
import { thingInWords } from './switch.ts';
import { findTarget, listOwnersOf, type Target } from './switch-store.ts';

type Parts = {
  pool: pg.Pool;
  /** The public origin, for the links of letters. */
  baseUrl: string;
};

/**
 * Stops a client, a team, a product or an environment at once: every instance asks the database at
 * every request. What it stopped stays stopped when it is deleted and made again under its id.
 * @throws {InvalidInput} `reason` @throws {NotFound}
 * @throws {Conflict} `suspended_already`: of two at once the first has given the reason.
 */
export const suspend = (
  parts: Parts,
  doer: Doer,
  given: Stopped & { reason: string },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const reason = reasonOf(given);
    const target = await findTarget(tx, given);
    if (!target) throw new NotFound('no_such_thing', 'There is nothing of that name.');
    const suspendedBy = doer.actor.kind === 'account' ? doer.actor.id : null;
    const { kind, id } = given;
    if (!(await insertSuspension(tx, { kind, id, reason, suspendedBy }))) {
      throw new Conflict('suspended_already', 'It is suspended already.');
    }
    await record(tx, doer, 'suspended', given, { reason, target });
    await tell(tx, parts, 'access-suspended', given, { reason, target });
  });

/**
 * Ends a suspension. What it is of need not be there any more.
 * @throws {InvalidInput} `reason` @throws {Conflict} `not_suspended`
 */
export const lift = (
  parts: Parts,
  doer: Doer,
  given: Stopped & { reason: string },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const reason = reasonOf(given);
    if (!(await deleteSuspension(tx, given))) {
      throw new Conflict('not_suspended', 'It is not suspended.');
    }
    const target = await findTarget(tx, given);
    await record(tx, doer, 'suspension_lifted', given, { reason, target });
    await tell(tx, parts, 'access-restored', given, { reason, target });
  });

/** It goes into a letter, so it is one line. @throws {InvalidInput} */
function reasonOf({ reason }: { reason: string }): string {
  const line = reason.trim().replace(/\s+/g, ' ');
  if (line === '') throw new InvalidInput({ reason: 'Say why: it goes into the trail.' });
  if (line.length > 500)
    throw new InvalidInput({ reason: 'Too long: use at most 500 characters.' });
  return line;
}

type Told = { reason: string; target: Target | undefined };

const record = (
  tx: Db,
  doer: Doer,
  what: 'suspended' | 'suspension_lifted',
  { kind, id }: Stopped,
  { reason, target }: Told,
): Promise<void> =>
  recordAct(tx, {
    ...doer,
    action: `${kind}.${what}`,
    subject: { kind, id },
    environment: target?.environment ?? undefined,
    reason,
  });

/** A product's or an environment's are many: they read it on their pages. */
async function tell(
  tx: Db,
  { baseUrl }: Parts,
  template: 'access-suspended' | 'access-restored',
  stopped: Stopped,
  { reason, target }: Told,
): Promise<void> {
  if (!target?.teamId) return;
  const what = thingInWords(stopped, quotable(target.name, stopped.id));
  const link = `${baseUrl}/teams/${target.teamId}`;
  for (const { name, email } of await listOwnersOf(tx, target.teamId)) {
    const data = { name, what, reason, link };
    await enqueueLetter(tx, { to: email, letter: { template, data } });
  }
}
