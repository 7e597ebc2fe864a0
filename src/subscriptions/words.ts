import type { State } from './subscription.ts';

/** How pages say a state. */
export const stateWords: Readonly<Record<State, string>> = {
  submitted: 'Waiting for approval',
  active: 'Active',
  suspended: 'Suspended',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
  expired: 'Expired',
};
