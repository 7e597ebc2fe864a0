import { hash } from 'node:crypto';
import type { Changes } from '../db/changes.ts';
import type { Call, Outcome } from '../usage/call.ts';
import type { Reason } from '../usage/reason.ts';
import type { Asked } from './asked.ts';
import type { Catalogue, KnownGateway } from './catalogue.ts';
import { looksLikeCredential } from './gateway.ts';
import { type JudgeParts, judge } from './judge.ts';
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

const blank: Omit<Call, 'outcome'> = {
  environment: '',
  teamId: '',
  productId: '',
  subscriptionId: '',
  clientId: '',
  apiId: '',
  operation: '',
  testUser: false,
  keyId: '',
};

/** Decides about calls. Where there is doubt, the answer is no. */
export function createVerify(parts: VerifyParts): (asked: Asked) => Promise<Decided> {
  const { changes, demandsCredential, onError } = parts;

  async function decide(asked: Asked, call: Omit<Call, 'outcome'>, found: { gatewayId: string }) {
    const age = changes.age() < sure ? 0 : await changes.settle();
    const stale = age < sure ? 0 : age;
    const catalogue = parts.catalogue();
    const now = changes.now();

    const gateway = gatewayOf(asked, catalogue, now);
    if (gateway === 'unknown' || (gateway === 'none' && demandsCredential)) {
      return orDoubt(refusal('gateway_unknown'), stale);
    }
    if (gateway !== 'none') found.gatewayId = gateway.id;
    const api = catalogue.apis.get(asked.api);
    if (!api) return orDoubt(refusal('api_unknown'), stale);
    call.apiId = api.id;
    if (asked.preflight && api.cors) return allowedToAsk;

    const at = gateway === 'none' ? null : gateway.baseUrlName;
    const openings = api.openings.filter(
      ({ product, baseUrlName }) =>
        (at === null || at === baseUrlName) &&
        (product.endsAt === null || product.endsAt > now) &&
        stale <= product.staleSeconds * 1000,
    );
    if (stale > 0 && openings.length === 0) return refusal('unavailable');
    return orDoubt(await judge(parts, { asked, api, openings, catalogue, call, now }), stale);
  }

  async function once(asked: Asked): Promise<Decided> {
    const call = { ...blank };
    const found = { gatewayId: '' };
    const verdict = await decide(asked, call, found).catch((error: unknown) => {
      onError(error);
      return refusal('unavailable');
    });
    const counted = verdict === allowedToAsk ? undefined : { ...call, outcome: outcomeOf(verdict) };
    return { verdict, call: counted, ...found };
  }

  return async (asked) => {
    const decided = await once(asked);
    if (decided.verdict.allowed || !mayHavePassed.has(decided.verdict.reason)) return decided;
    // whoever shows no credential at all is made a gateway by no change, and costs the database nothing
    if (decided.verdict.reason === 'gateway_unknown' && !asked.headers['x-gateway-key'])
      return decided;
    await changes.hear();
    return once(asked);
  };
}

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
  { gateways }: Catalogue,
  now: number,
): KnownGateway | 'none' | 'unknown' {
  const given = headers['x-gateway-key'];
  if (given === undefined || given === '') return 'none';
  if (typeof given !== 'string' || !looksLikeCredential(given)) return 'unknown';
  const gateway = gateways.get(hash('sha256', given, 'base64'));
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
