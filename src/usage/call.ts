import type { Environment } from '../base/environment.ts';
import type { Reason } from './reason.ts';

export const outcomes = [
  'allowed',
  'unauthorized',
  'forbidden',
  'rate_limited',
  'over_quota',
  'unavailable',
] as const;
export type Outcome = (typeof outcomes)[number];

/**
 * One decided call. Ids are '' where unknown, and never what a caller made up: each different one is
 * a row of its own.
 */
export type Call = {
  environment: Environment | '';
  teamId: string;
  productId: string;
  subscriptionId: string;
  clientId: string;
  apiId: string;
  /** `GET /Patient/{id}`; '' where the API's document names none. */
  operation: string;
  outcome: Outcome;
  testUser: boolean;
  /** The subscription key it came with: not counted by, but its last use is written down. */
  keyId: string;
};

export type Refusal = Call & {
  requestId: string;
  status: number;
  reason: Reason;
  /** What the reason's sentence leaves open, such as the scopes that were missing. Never a secret. */
  detail: string;
  gatewayId: string;
};
