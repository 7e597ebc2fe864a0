import { mayAdminister } from '../../src/accounts/second-factor.ts';

test.each([
  ['owner', true, true, 'yes'],
  ['owner', true, false, 'yes'],
  ['owner', false, false, 'yes'],
  ['owner', false, true, 'set up a second factor first'],
  [null, true, true, 'no role'],
  [null, false, true, 'no role'],
] as const)('role %s, a second factor: %s, required: %s → %s', (role, has, required, answer) => {
  const account = { roles: role ? [role] : [], hasSecondFactor: has };
  expect(mayAdminister(account, required)).toBe(answer);
});
