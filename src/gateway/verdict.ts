import type { Policy } from '../usage/purse.ts';
import type { Reason } from '../usage/reason.ts';

/** Our yes or no for one call. */
export type Verdict = Allowed | Refused;

export type Allowed = { allowed: true; identity: Identity; policies: readonly Policy[] };

/** What the API behind a gateway is told; '' where unknown. */
export type Identity = {
  subscriptionId: string;
  productId: string;
  teamId: string;
  subject: string;
  clientId: string;
  scope: string;
  testUser: string;
  environment: string;
};

export type Refused = {
  allowed: false;
  reason: Reason;
  /** For whoever owns the call, never for the wire. */
  detail: string;
  status: number;
  /** Seconds; 0: no word of when. */
  retryAfter: number;
  policies: readonly Policy[];
  /** Scopes that would have done. */
  scopes: readonly string[];
};

export const nobody: Identity = {
  subscriptionId: '',
  productId: '',
  teamId: '',
  subject: '',
  clientId: '',
  scope: '',
  testUser: '',
  environment: '',
};

/** What is not here is answered with 401. */
const statuses: Partial<Record<Reason, number>> = {
  scope_missing: 403,
  operation_unknown: 403,
  product_unavailable: 403,
  suspended: 403,
  api_unknown: 403,
  rate_exceeded: 429,
  quota_exceeded: 403,
  unavailable: 503,
};

export const refusal = (
  reason: Reason,
  more: Partial<Omit<Refused, 'allowed' | 'reason'>> = {},
): Refused => ({
  allowed: false,
  reason,
  detail: '',
  status: statuses[reason] ?? 401,
  retryAfter: reason === 'unavailable' ? 1 : 0,
  policies: [],
  scopes: [],
  ...more,
});
