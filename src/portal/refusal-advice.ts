import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../db/pool.ts';
import { explanationOf } from '../usage/report-refusal.ts';
import { findKeptRefusal } from '../usage/report-refusal-store.ts';
import { mendOf } from './refusal-mend.ts';
import type { Advice } from './relay-advice.ts';
import type { RelayAnswer } from './relay-call.ts';

/** Refusals are written down every second. */
const tries = 5;
const pause = 300;

/**
 * What we wrote down of a call that a gateway refused by our word; undefined where this is no such
 * answer, or not of a team of theirs. It looks again for a moment, because the answer comes first.
 */
export async function refusalAdvice(
  db: Db,
  { viewer, answer }: { viewer: string; answer: RelayAnswer },
): Promise<Advice[] | undefined> {
  const requestId = isRefusal(answer) ? requestIdOf(answer) : undefined;
  if (!requestId) return undefined;
  for (let count = 0; count < tries; count += 1) {
    if (count > 0) await sleep(pause);
    const found = await findKeptRefusal(db, { owner: viewer, requestId });
    if (!found) continue;
    const { says, mend } = explanationOf(found.reason);
    const detail = found.detail && ` ${found.detail}`;
    const at = { href: `/use/refusals/${encodeURIComponent(requestId)}`, text: 'All about it' };
    return [
      { check: found.reason, message: `${says}${detail} ${mend}`, link: mendOf(found) },
      { check: 'refused_call', message: `Request ID ${requestId}.`, link: at },
    ];
  }
  return undefined;
}

/** In the shape of verify's answers; an API's own 401 is its own. */
function isRefusal({ status, body }: RelayAnswer): boolean {
  if (![401, 403, 429, 503].includes(status) || body.length > 4_096) return false;
  try {
    return JSON.parse(body.toString('utf8'))?.statusCode >= 400;
  } catch {
    return false;
  }
}

const requestIdOf = ({ headers }: RelayAnswer): string | undefined =>
  headers.find(
    ([name, value]) => /^x-request-id$/i.test(name) && /^req_[\w-]{1,64}$/.test(value),
  )?.[1];
