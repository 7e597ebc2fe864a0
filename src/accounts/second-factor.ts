import type { Account } from './account.ts';

/**
 * Whether an account may be an administrator just now. `required`: administrators of this programme
 * must have a second factor; every session of one that has it was begun with it.
 */
export function mayAdminister(
  { roles, hasSecondFactor }: Pick<Account, 'roles' | 'hasSecondFactor'>,
  required: boolean,
): 'yes' | 'set up a second factor first' | 'no role' {
  if (roles.length === 0) return 'no role';
  return required && !hasSecondFactor ? 'set up a second factor first' : 'yes';
}
