import type { Outcome } from './call.ts';

/** What became of a call, with the status that a caller saw. */
export const outcomeWords: Readonly<Record<Outcome, string>> = {
  allowed: 'Let through',
  unauthorized: 'Refused: no key or token that counts (401)',
  forbidden: 'Refused: not allowed to it (403)',
  rate_limited: 'Refused: too many calls at once (429)',
  over_quota: 'Refused: the quota is used up',
  unavailable: 'Refused: we could not decide (503)',
};
