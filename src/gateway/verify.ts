import type { Changes } from '../db/changes.ts';
import type { Call, Outcome } from '../usage/call.ts';
import type { Reason } from '../usage/reason.ts';
import type { Asked } from './asked.ts';
import { type Case, caseOf } from './case.ts';
import type { Catalogue, KnownGateway } from './catalogue.ts';
import { type JudgeParts, judge } from './judge.ts';
import { isPending, type Pending } from './pending.ts';
import { nobody, type Refused, refusal, type Verdict } from './verdict.ts';

export type VerifyParts = JudgeParts & {
  catalogue(): Catalogue;
  changes: Pick<Changes, 'age' | 'settle' | 'hear' | 'now'>;
  /** Whether a gateway must show who it is. */
  demandsCredential: boolean;
  onError(error: unknown): void;
};

export type Decided = {
  verdict: Verdict;
  /** What it counts as; undefined: it does not count. */
  call: Call | undefined;
  gatewayId: string;
};

/** Milliseconds without word from the database after which we are no longer sure. */
const sure = 1000;
/** How often what is known may change under a call before it is given up. */
const mostTurns = 12;

/** One attempt at a call: what is known of it, and what came of that. */
type Attempt = { one: Case; verdict: Verdict | Pending | Promise<Verdict> };

/**
 * Decides about calls. Where there is doubt, the answer is no. A promise only where something is to be
 * found out first: all else is decided at once, from memory, and then nothing of it waits.
 */
export function createVerify(parts: VerifyParts): (asked: Asked) => Decided | Promise<Decided> {
  const { changes, demandsCredential, onError } = parts;

  function attempt(asked: Asked, asOf: number, stale: number): Attempt {
    const one = caseOf({ asked, catalogue: parts.catalogue(), now: changes.now(), asOf });
    try {
      const verdict = decide(one, stale);
      return { one, verdict: isOpen(verdict) ? verdict : orDoubt(verdict, stale) };
    } catch (error) {
      onError(error);
      return { one, verdict: refusal('unavailable') };
    }
  }

  function decide(one: Case, stale: number): Attempt['verdict'] {
    const { asked, catalogue, call, now } = one;
    const gateway = gatewayOf(asked, catalogue, now);
    if (gateway === 'unknown' || (gateway === 'none' && demandsCredential)) {
      return refusal('gateway_unknown');
    }
    if (gateway !== 'none') one.gatewayId = gateway.id;
    const api = catalogue.apis.get(asked.api);
    if (!api) return refusal('api_unknown');
    call.apiId = api.id;
    if (asked.preflight && api.cors) return allowedToAsk;

    const at = gateway === 'none' ? null : gateway.baseUrlName;
    one.openings = api.openings.filter(
      ({ product, baseUrlName }) =>
        (at === null || at === baseUrlName) &&
        (product.endsAt === null || product.endsAt > now) &&
        stale <= product.staleSeconds * 1000,
    );
    if (stale > 0 && one.openings.length === 0) return refusal('unavailable');
    return judge(parts, one, api);
  }

  async function attemptWhenSure(asked: Asked, asOf: number): Promise<Attempt> {
    const age = changes.age() < sure ? 0 : await changes.settle();
    return attempt(asked, asOf, age < sure ? 0 : age);
  }

  /** Every attempt is waited for: one that was given up could take a call that nobody made. */
  async function findOut(begun: Attempt): Promise<Decided> {
    let { one, verdict } = begun;
    const { asked, asOf } = one;
    let heard = false;
    try {
      for (let turns = 1; ; turns += 1) {
        const found = await (isPending(verdict) ? verdict.found.then(() => undefined) : verdict);
        if (found && (heard || !mayPassNow(found, asked))) return sealed(one, found);
        if (turns === mostTurns) throw new Error('what a call depends on changes all the time');
        if (found) {
          heard = true;
          await changes.hear();
        }
        ({ one, verdict } = await attemptWhenSure(asked, asOf));
      }
    } catch (error) {
      onError(error);
      return sealed(one, refusal('unavailable'));
    }
  }

  return (asked) => {
    const asOf = parts.keys.asOf();
    if (changes.age() >= sure) return attemptWhenSure(asked, asOf).then(findOut);
    const first = attempt(asked, asOf, 0);
    const { one, verdict } = first;
    const mustAsk = isOpen(verdict) || mayPassNow(verdict, asked);
    return mustAsk ? findOut(first) : sealed(one, verdict);
  };
}

const isOpen = (verdict: Attempt['verdict']): verdict is Pending | Promise<Verdict> =>
  verdict instanceof Promise || isPending(verdict);

const sealed = ({ call, gatewayId }: Case, verdict: Verdict): Decided => {
  call.outcome = outcomeOf(verdict);
  return { verdict, call: verdict === allowedToAsk ? undefined : call, gatewayId };
};

/** What a change of this moment could have mended: it is asked for before anybody is refused. */
const mayHavePassed: ReadonlySet<Reason> = new Set([
  'gateway_unknown',
  'api_unknown',
  'product_unavailable',
  'subscription_other_product',
  'subscription_inactive',
  'suspended',
  'token_client_stopped',
  'token_other_product',
  'token_not_of_subscription',
  'scope_missing',
  'operation_unknown',
]);

/** Whoever shows no credential at all is made a gateway by no change, and costs the database nothing. */
const mayPassNow = (verdict: Verdict, { headers }: Asked): boolean =>
  !verdict.allowed &&
  mayHavePassed.has(verdict.reason) &&
  (verdict.reason !== 'gateway_unknown' || Boolean(headers['x-gateway-key']));

const allowedToAsk: Verdict = { allowed: true, identity: nobody, policies: [] };

/** What was last known may still allow a call; a refusal by it may be out of date. */
function orDoubt(verdict: Verdict, stale: number): Verdict {
  if (stale === 0 || verdict.allowed || isLimit(verdict)) return verdict;
  return refusal('unavailable');
}

const isLimit = ({ reason }: Refused): boolean =>
  reason === 'rate_exceeded' || reason === 'quota_exceeded';

/** One that shows a credential which is none is never taken for one that shows none. */
function gatewayOf(
  { headers }: Asked,
  catalogue: Catalogue,
  now: number,
): KnownGateway | 'none' | 'unknown' {
  const given = headers['x-gateway-key'];
  if (given === undefined || given === '') return 'none';
  const gateway = typeof given === 'string' ? catalogue.gatewayWith(given) : undefined;
  if (!gateway || (gateway.endsAt !== null && gateway.endsAt <= now)) return 'unknown';
  return gateway;
}

function outcomeOf(verdict: Verdict): Outcome {
  if (verdict.allowed) return 'allowed';
  if (verdict.reason === 'rate_exceeded') return 'rate_limited';
  if (verdict.reason === 'quota_exceeded') return 'over_quota';
  if (verdict.reason === 'unavailable') return 'unavailable';
  return verdict.status === 401 ? 'unauthorized' : 'forbidden';
}
