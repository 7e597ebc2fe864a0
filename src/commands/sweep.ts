import type pg from 'pg';
import { deleteExpiredEmailChanges } from '../accounts/email-change-store.ts';
import { deleteExpiredRegistrations } from '../accounts/registration-store.ts';
import { deleteExpiredResets } from '../accounts/reset-store.ts';
import { deleteEndedSessions } from '../accounts/session-store.ts';
import { deleteDevicesUnseenFor } from '../accounts/sign-in-store.ts';
import { deleteExpiredWaitingSignIns } from '../accounts/sign-in-waiting-store.ts';
import { deleteActsOlderThan } from '../audit/store.ts';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import { deleteExpiredThrottles } from '../db/throttle.ts';
import { deleteOldLetters } from '../mail/store.ts';
import { deleteOldWrites } from '../management/idempotency-store.ts';
import { deleteExpired } from '../oauth/store.ts';
import { expireDue, warnDue } from '../subscriptions/ending-service.ts';
import { deleteInvitationsOlderThan } from '../teams/invitation-store.ts';
import { deleteOldRefusals } from '../usage/refusal-store.ts';
import { deleteOldShares } from '../usage/share-store.ts';
import { deleteCountsOlderThan, deleteOldFlushes } from '../usage/use-store.ts';

/** Milliseconds between two sweeps, and rows of one statement where there may be very many. */
const every = 10 * 60_000;
const batch = 500;

type Parts = {
  pool: pg.Pool;
  /** The public origin, for letters to teams whose subscription ends. */
  baseUrl: string;
  keepDays: Config['keepDays'];
  log: Logger;
};

/** Ends and removes what has expired or was kept long enough, again and again; the answer ends that. */
export function startSweeping(parts: Parts): () => void {
  const timer = setInterval(() => void sweep(parts), every);
  return () => clearInterval(timer);
}

export async function sweep({ pool, baseUrl, keepDays, log }: Parts): Promise<void> {
  const work: (() => Promise<unknown>)[] = [
    () => expireDue({ pool, baseUrl }),
    () => warnDue({ pool, baseUrl }),
    () => deleteExpiredThrottles(pool),
    () => deleteEndedSessions(pool),
    () => deleteExpiredWaitingSignIns(pool),
    () => deleteDevicesUnseenFor(pool, keepDays.devices),
    () => deleteExpiredResets(pool),
    () => deleteExpiredEmailChanges(pool),
    () => deleteExpiredRegistrations(pool, keepDays.registrations),
    () => deleteInvitationsOlderThan(pool, keepDays.invitations),
    () => deleteOldLetters(pool, keepDays.letters),
    () => deleteActsOlderThan(pool, keepDays.acts),
    () => inBatches((limit) => deleteExpired(pool, limit)),
    () => inBatches((limit) => deleteCountsOlderThan(pool, { days: keepDays.use, limit })),
    () => inBatches((limit) => deleteOldWrites(pool, limit)),
    () => inBatches((limit) => deleteOldRefusals(pool, limit)),
    () => inBatches((limit) => deleteOldShares(pool, limit)),
    () => deleteOldFlushes(pool),
  ];
  for (const one of work) {
    await one().catch((error) =>
      log.warn({ err: error }, 'something expired could not be swept; the next sweep tries again'),
    );
  }
}

async function inBatches(take: (limit: number) => Promise<number>): Promise<void> {
  while ((await take(batch)) >= batch);
}
