/** What a team makes its own test user do, to be tested against. */
export const behaviours = [
  'consent_denied',
  'sign_in_fails',
  'token_expired',
  'wrong_audience',
  'too_little_scope',
  'slow',
] as const;
export type Behaviour = (typeof behaviours)[number];

/** For people who choose one: what they call it, and what it does, in one sentence. */
export const behaviourWords: Readonly<Record<Behaviour, { name: string; what: string }>> = {
  consent_denied: {
    name: 'Consent denied',
    what: 'Says no, as if Cancel was pressed: your application gets access_denied, and invalid_grant at the token endpoint.',
  },
  sign_in_fails: {
    name: 'Sign-in fails',
    what: 'The right password is answered like a wrong one, on the page and in the password grant.',
  },
  token_expired: {
    name: 'Token already expired',
    what: 'Access tokens ended fifty minutes before you get them, and expires_in is 0.',
  },
  wrong_audience: {
    name: 'Wrong audience',
    what: 'Access tokens are for https://wrong-audience.invalid/ instead of the product.',
  },
  too_little_scope: {
    name: 'Too little scope',
    what: 'Access tokens hold none of the product’s scopes, whatever was asked for and granted.',
  },
  slow: {
    name: 'Slow',
    what: 'The answer to Authorize and the token answer come ten seconds late.',
  },
};
