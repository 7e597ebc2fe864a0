import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { type Db, transaction } from '../db/pool.ts';
import { takeExpired, takeToWarn } from './ending-store.ts';
import { dateInLetter, tellTeam } from './letters.ts';
import { makeMove, recordMove } from './moving.ts';
import { lockSubscription } from './store.ts';
import { warningDays } from './subscription.ts';

type Parts = { pool: pg.Pool; baseUrl: string };

const theServer: Doer = { actor: { kind: 'system' } };

/** Of one sweep, so that it ends; the next one goes on. */
const atMost = 1000;

/**
 * Brings to `expired` whatever has come to its end, which opens nothing from that moment anyway, and
 * tells the teams. Each in a transaction of its own; two instances never take the same.
 */
export const expireDue = ({ pool, baseUrl }: Parts): Promise<number> =>
  oneByOne(pool, async (tx) => {
    const due = await takeExpired(tx);
    if (due) await expire(tx, { baseUrl }, due.id);
    return due !== undefined;
  });

/** One whose time is over. Call it in the transaction that has locked its row. */
export async function expire(tx: Db, parts: Pick<Parts, 'baseUrl'>, id: string): Promise<void> {
  const subscription = await lockSubscription(tx, id);
  if (!subscription) return;
  const moved = await makeMove(tx, theServer, { subscription, move: 'expire' });
  const on = dateInLetter(moved.expiresAt);
  await tellTeam(tx, parts, moved, {
    whom: 'all',
    letterOf: (about) => ({ template: 'subscription-expired', data: { ...about, on } }),
  });
}

/** Tells the members of each team whose subscription is about to expire, once. */
export const warnDue = ({ pool, baseUrl }: Parts): Promise<number> =>
  oneByOne(pool, async (tx) => {
    const due = await takeToWarn(tx, warningDays);
    if (!due) return false;
    const on = dateInLetter(due.expiresAt);
    await tellTeam(tx, { baseUrl }, due, {
      whom: 'all',
      letterOf: (about) => ({ template: 'subscription-expires-soon', data: { ...about, on } }),
    });
    await recordMove(tx, theServer, due, {
      action: 'subscription.warned',
      detail: { until: due.expiresAt.toISOString() },
    });
    return true;
  });

/** @returns how many there were. */
async function oneByOne(pool: pg.Pool, handleOne: (tx: Db) => Promise<boolean>): Promise<number> {
  let count = 0;
  while (count < atMost && (await transaction(pool, handleOne))) count += 1;
  return count;
}
