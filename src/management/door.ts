import type { Context } from 'koa';
import type pg from 'pg';
import { Busy } from '../base/errors.ts';
import { within } from '../base/scopes.ts';
import { policyHeaders } from '../gateway/answer.ts';
import { isFault, issuerIn, type TokenCheck } from '../oauth/token-check.ts';
import type { Call, Outcome } from '../usage/call.ts';
import { createLimits } from '../usage/limits.ts';
import { createMeter } from '../usage/meter.ts';
import { type Reason, reasons } from '../usage/reason.ts';
import { type ManagementCaller, programmePrefix, scopesThatCount } from './caller.ts';
import { findRight, type Right } from './door-store.ts';
import type { Operation } from './operation.ts';
import { Problem } from './problem.ts';
import { managementApiId } from './store.ts';

export type Door = {
  /** Who calls, with all that this operation takes. @throws {Problem} 401, 403, 429 */
  enter(ctx: Context, operation: Operation): Promise<ManagementCaller>;
  /** Writes down what is still to be counted. */
  close(): Promise<void>;
};

type Parts = {
  pool: pg.Pool;
  /** Of the two issuers. */
  checks: readonly TokenCheck[];
  onError(error: unknown): void;
};

/** Why somebody may not come in. */
class Refusal extends Error {
  readonly status: 401 | 403 | 429;
  readonly reason: Reason;
  readonly detail: string;

  constructor(status: 401 | 403 | 429, reason: Reason, detail = '') {
    super(reason);
    this.status = status;
    this.reason = reason;
    this.detail = detail;
  }
}

/**
 * Takes access tokens of this very server by the same functions as introspection and verify, limits
 * calls as the product says, and counts them like those of any API of the catalogue.
 */
export function createDoor({ pool, checks, onError }: Parts): Door {
  const limits = createLimits({ pool });
  const meter = createMeter({ pool, onError });

  async function pass(ctx: Context, { scope }: Operation, call: Seen): Promise<ManagementCaller> {
    const { caller, right } = await identify(ctx, { pool, checks }, call);
    if (!caller.scopes.includes(scope)) throw new Refusal(403, 'scope_missing', scope);
    const whose = right.teamId ? `team:${right.teamId}` : `client:${caller.clientId}`;
    const holder = { ...right, id: `${whose}:${right.productId}` };
    const allowance = await Promise.resolve(limits.take(holder)).catch(() => {
      throw new Busy('unavailable', `${reasons.unavailable.says} ${reasons.unavailable.mend}`, 1);
    });
    const { exceeded, retryAfter, policies } = allowance;
    ctx.set(policyHeaders(policies) as Record<string, string>);
    if (exceeded) ctx.set('Retry-After', String(retryAfter));
    if (exceeded === 'rate') throw new Refusal(429, 'rate_exceeded');
    if (exceeded === 'quota') throw new Refusal(right.quotaStatus, 'quota_exceeded');
    return caller;
  }

  return {
    async enter(ctx, operation) {
      const call: Seen = { ...nobody, operation: labelOf(operation) };
      try {
        const caller = await pass(ctx, operation, call);
        meter.count({ ...call, outcome: 'allowed' });
        return caller;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { status, reason, detail } = error;
        const requestId = String(ctx.state.requestId);
        const outcome = outcomeOf(error);
        meter.refuse({ ...call, outcome, requestId, status, reason, detail, gatewayId: '' });
        throw problemOf(ctx, error);
      }
    },
    async close() {
      await limits.close();
      await meter.close();
    },
  };
}

/** What is known of a call so far. */
type Seen = Omit<Call, 'outcome'>;

const nobody: Omit<Seen, 'operation'> = {
  environment: '',
  teamId: '',
  productId: '',
  subscriptionId: '',
  clientId: '',
  apiId: managementApiId,
  testUser: false,
  keyId: '',
};

/** `GET /subscriptions/{id}` */
const labelOf = ({ method, path }: Operation): string =>
  `${method} ${path.replace(/:(\w+)/g, '{$1}')}`;

const outcomeOf = ({ status, reason }: Refusal): Outcome => {
  if (reason === 'rate_exceeded') return 'rate_limited';
  if (reason === 'quota_exceeded') return 'over_quota';
  return status === 401 ? 'unauthorized' : 'forbidden';
};

async function identify(
  ctx: Context,
  { pool, checks }: Pick<Parts, 'pool' | 'checks'>,
  call: Seen,
): Promise<{ caller: ManagementCaller; right: Right }> {
  const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(ctx.get('Authorization')) ?? [];
  if (!token) throw new Refusal(401, 'token_missing');
  const issuer = issuerIn(token);
  if (issuer === undefined) throw new Refusal(401, 'token_malformed');
  const check = checks.find((one) => one.issuer === issuer);
  if (!check) throw new Refusal(401, 'token_wrong_issuer');
  const claims = await check.read(token);
  if (isFault(claims)) throw new Refusal(401, claims.fault, claims.detail);
  const { environment } = check;
  Object.assign(call, { environment, clientId: claims.client_id });

  const standing = await check.stand(claims);
  if (isFault(standing)) throw new Refusal(401, standing.fault, standing.detail);
  if (claims.gid) throw new Refusal(401, 'token_other_product', 'It is about a person.');
  const { product } = standing;
  const right = await findRight(pool, { ...product, productId: product.id });
  if (!right) throw new Refusal(401, 'token_other_product');
  const { productId, subscriptionId, teamId } = right;
  Object.assign(call, {
    productId,
    subscriptionId: subscriptionId ?? '',
    teamId: teamId ?? '',
  });
  const held = product.scopes.map(({ scope }) => scope);
  const place = { environment, teamId };
  const scopes = scopesThatCount(within(standing.scopes, held), place);
  return { caller: { clientId: claims.client_id, ...place, scopes }, right };
}

/** With the challenge of RFC 6750. */
function problemOf(ctx: Context, { status, reason, detail }: Refusal): Problem {
  const { says, mend } = reasons[reason];
  if (reason === 'scope_missing') {
    const why = detail.startsWith(programmePrefix)
      ? `This is for the programme's own applications in live, with the scope ${detail}.`
      : `This takes the scope ${detail} of a team's application.`;
    challenge(ctx, { error: 'insufficient_scope', error_description: why, scope: detail });
    return new Problem(status, 'insufficient_scope', why);
  }
  if (reason === 'token_missing') challenge(ctx, {});
  else if (status === 401)
    challenge(ctx, { error: 'invalid_token', error_description: ascii(says) });
  return new Problem(status, reason, [says, detail, mend].filter(Boolean).join(' '));
}

const challenge = (ctx: Context, attributes: Readonly<Record<string, string>>): void =>
  ctx.set(
    'WWW-Authenticate',
    `Bearer ${Object.entries({ realm: managementApiId, ...attributes })
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ')}`,
  );

/** RFC 6750 section 3: neither quotes nor anything beyond ASCII. */
const ascii = (text: string): string =>
  text.replaceAll('’', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '');
