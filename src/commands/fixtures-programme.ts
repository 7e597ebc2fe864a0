import { randomBytes } from 'node:crypto';
import type { ProgrammeInput } from '../admin/programme.ts';
import { newSecret } from '../base/secrets.ts';
import { keyApis, keyProducts, keySubscriptions, keyTeams } from './fixtures-keys-programme.ts';

type People = NonNullable<ProgrammeInput['development']>;
type FixtureProduct = NonNullable<ProgrammeInput['products']>[number];
type FixtureTestUser = NonNullable<ProgrammeInput['testUsers']>[number];
type FixtureAccount = NonNullable<People['accounts']>[number];
export type FixtureClient = NonNullable<People['clients']>[number];

export const accountNames = ['regular', 'unverified', 'other_team', 'keys'] as const;
export const testUserNames = ['test_user', 'bruteforce', 'long_password', 'foreign'] as const;

/** Every scope, by what the fixtures are to show with it. */
export const scopes = {
  usual: 'records.read',
  extra: 'records.write',
  unassigned: 'records.archive',
  live: 'records.live',
} as const;

const team = 'team_fixtures';
export const ownSubscription = 'sub_fixture_accounts';
/** What `other_team` has, and nobody of `team` may see. */
export const foreign = {
  team: 'team_fixtures_other',
  subscription: 'sub_fixture_foreign',
  client: 'foreign',
  testUser: 'tu_fixture_foreign',
} as const;
const role = 'tester';
const accountsProduct = 'fixture-accounts';
const testUsersProduct = 'fixture-test-users';

/** A programme of its own, with new secrets and passwords at every call. */
export const fixturesProgramme = (name: string): ProgrammeInput => ({
  name,
  apis: keyApis,
  products: [
    ...keyProducts,
    product(accountsProduct, {
      subjects: 'accounts',
      grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    }),
    product(testUsersProduct, {
      subjects: 'test_users',
      grantTypes: ['authorization_code', 'refresh_token', 'password'],
    }),
    product('fixture-unassigned', { scopes: [scope(scopes.unassigned)] }),
    product('fixture-live', {
      environment: 'live',
      grantTypes: ['authorization_code'],
      scopes: [scope(scopes.live)],
    }),
  ],
  testUsers: [
    testUser('test_user', newSecret()),
    testUser('bruteforce', newSecret()),
    testUser('long_password', randomBytes(60).toString('base64url')), // 80 bytes; bcrypt would see 72
    { ...testUser('foreign', newSecret()), team: foreign.team },
  ],
  development: {
    accounts: [
      account('regular', { profiles: { sandbox: { role } } }),
      account('unverified', { emailVerified: false }),
      account('other_team', {}),
      account('keys', {}),
    ],
    teams: [
      { id: team, name: 'Fixtures', members: [{ email: emailOf('regular'), role: 'owner' }] },
      {
        id: foreign.team,
        name: 'Other fixtures',
        members: [{ email: emailOf('other_team'), role: 'owner' }],
      },
      ...keyTeams(emailOf('keys')),
    ],
    subscriptions: [
      ...keySubscriptions,
      { id: ownSubscription, team, product: accountsProduct, name: 'One', state: 'active' },
      {
        id: 'sub_fixture_test_users',
        team,
        product: testUsersProduct,
        name: 'Two',
        state: 'active',
      },
      {
        id: 'sub_fixture_ended',
        team,
        product: accountsProduct,
        name: 'Three',
        state: 'cancelled',
      },
      {
        id: foreign.subscription,
        team: foreign.team,
        product: accountsProduct,
        name: 'Four',
        state: 'active',
      },
    ],
    clients: [
      client('confidential', ownSubscription, byCode('confidential')),
      client('other', ownSubscription, byCode('other')),
      client('public', ownSubscription, { ...byCode('public'), ...withoutSecret }),
      client('service', ownSubscription, {}),
      client('password', 'sub_fixture_test_users', { grantTypes: ['password'] }),
      client('sandbox', 'sub_fixture_test_users', byCode('sandbox')),
      client('cancelled', 'sub_fixture_ended', {}),
      client(foreign.client, foreign.subscription, {}),
    ],
  },
});

export const clientIdOf = (name: string): string => `fixture-${name}`;
export const emailOf = (name: string): string => `${name}@fixtures.example`;
export const usernameOf = (name: string): string => `fixture.${name}`;

const scope = (name: string, isDefault = true): FixtureProduct['scopes'][number] => ({
  scope: name,
  description: `Try ${name}`,
  isDefault,
});

/** A draft: it works, and no catalogue shows it. */
const product = (id: string, given: Partial<FixtureProduct>): FixtureProduct => {
  const offered = given.scopes ?? [scope(scopes.usual), scope(scopes.extra, false)];
  return {
    id,
    environment: 'sandbox',
    name: id,
    audience: `https://fixtures.example/${id}`,
    subjects: 'accounts',
    needsApproval: false,
    grantTypes: [],
    state: 'draft',
    scopes: offered,
    roleScopes: { [role]: offered.map((one) => one.scope) },
    ...given,
  };
};

/** The team's own, so that no other team's pop-up offers it. */
const testUser = (name: (typeof testUserNames)[number], password: string): FixtureTestUser => ({
  id: `tu_fixture_${name}`,
  team,
  username: usernameOf(name),
  password,
  name: `Fixture ${name}`,
  role,
  claims: { name: `Fixture ${name}`, email: emailOf(name), email_verified: true },
});

const account = (
  name: (typeof accountNames)[number],
  given: Partial<FixtureAccount>,
): FixtureAccount => ({
  email: emailOf(name),
  name: `Fixture ${name}`,
  password: newSecret(),
  ...given,
});

/** For itself with client_credentials, unless told otherwise. */
const client = (
  name: string,
  subscription: string,
  given: Partial<FixtureClient>,
): FixtureClient => ({
  id: clientIdOf(name),
  name: `Fixture ${name}`,
  subscriptions: [subscription],
  authMethod: 'client_secret_basic',
  grantTypes: ['client_credentials'],
  allowsOidc: false,
  secret: newSecret(),
  ...given,
});

const byCode = (name: string): Partial<FixtureClient> => ({
  grantTypes: ['authorization_code', 'refresh_token'],
  redirectUris: [`https://${name}.fixtures.example/callback`],
  postLogoutRedirectUris: [`https://${name}.fixtures.example/signed-out`],
  allowsOidc: true,
});

const withoutSecret = { authMethod: 'none', secret: undefined } as const;
