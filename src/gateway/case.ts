import type { Call } from '../usage/call.ts';
import type { Asked } from './asked.ts';
import type { Catalogue, Opening } from './catalogue.ts';

/** One call, and what decides about it. */
export type Case = {
  asked: Asked;
  catalogue: Catalogue;
  /** Milliseconds, by the database's clock. */
  now: number;
  /** When the call came, for `keys.find`. */
  asOf: number;
  /** How the API is opened, here and now. */
  openings: readonly Opening[];
  /** Who asks; '': somebody without a credential. */
  gatewayId: string;
  /** What is known of the call by now: it counts as that. */
  call: Call;
};

type Known = Pick<Case, 'asked' | 'catalogue' | 'now' | 'asOf'>;

export const caseOf = ({ asked, catalogue, now, asOf }: Known): Case => ({
  asked,
  catalogue,
  now,
  asOf,
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
