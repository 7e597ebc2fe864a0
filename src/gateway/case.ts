import type { Call } from '../usage/call.ts';
import type { Asked } from './asked.ts';
import type { Catalogue, Opening } from './catalogue.ts';

/** One call, and what decides about it. */
export type Case = {
  asked: Asked;
  catalogue: Catalogue;
  /** Milliseconds, by the database's clock. */
  now: number;
  /** How the API is opened, here and now. */
  openings: readonly Opening[];
  /** Who asks; '': somebody without a credential. */
  gatewayId: string;
  /** What is known of the call by now: it counts as that. */
  call: Call;
};

export const caseOf = (asked: Asked, catalogue: Catalogue, now: number): Case => ({
  asked,
  catalogue,
  now,
  openings: [],
  gatewayId: '',
  call: {
    environment: '',
    teamId: '',
    productId: '',
    subscriptionId: '',
    clientId: '',
    apiId: '',
    operation: '',
    outcome: 'unavailable', // until something else is decided
    testUser: false,
    keyId: '',
  },
});
