import { claimsAsText, readClaims } from '../../src/test-users/claims.ts';

describe('claims of a test user', () => {
  test('are read from lines, each in the type that the claim has', () => {
    const typed = `given_name: Tomasz
      birthdate = 1985-04-12
      email_verified: true

      updated_at: 1700000000
      website: https://ward.example/a?b=c
      address: 4 Mill Lane: the house behind`;
    expect(readClaims(typed)).toEqual({
      claims: {
        given_name: 'Tomasz',
        birthdate: '1985-04-12',
        email_verified: true,
        updated_at: 1_700_000_000,
        website: 'https://ward.example/a?b=c',
        address: { formatted: '4 Mill Lane: the house behind' },
      },
    });
    expect(readClaims('  \n ')).toEqual({ claims: {} });
  });

  test('or from JSON, and are written as they are read', () => {
    const claims = { name: 'T', email_verified: false, address: { locality: 'Northmoor' } };
    expect(readClaims(JSON.stringify(claims, null, 2))).toEqual({ claims });
    expect(readClaims(claimsAsText(claims))).toEqual({ claims });
  });

  test.each([
    ['favourite_colour: blue', /favourite_colour is not a standard claim/],
    ['sub: someone-else', /sub is not a standard claim/],
    ['{"__proto__": {"a": 1}}', /__proto__ is not a standard claim/],
    ['email: nobody', /^email: Write an email address/],
    ['email_verified: perhaps', /^email_verified: Write true or false/],
    ['birthdate: tomorrow', /^birthdate: Write a day such as/],
    ['picture: javascript:alert(1)', /^picture: Write an address/],
    ['address: {"planet": "Earth"}', /^address: /],
    ['given_name: Ann\ngiven_name: Bea', /given_name is here twice/],
    ['no colon here', /Write each line as name: value/],
    ['{"given_name": "Ann",}', /begins like JSON/],
    ['{"given_name": 7}', /^given_name: Write text/],
  ])('what is wrong is said by name: %s', (typed, sentence) => {
    expect(readClaims(typed)).toEqual({ problem: expect.stringMatching(sentence) });
  });
});
