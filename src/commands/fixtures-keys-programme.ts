import type { ProgrammeInput } from '../admin/programme.ts';

type People = NonNullable<ProgrammeInput['development']>;

/** APIs that share no product, and no path of which anybody needs to know. */
export const apiIds = {
  product: 'fixture-openings',
  otherProduct: 'fixture-closings',
  liveProduct: 'fixture-openings-live',
} as const;

const baseUrl = 'fixtures';

export const keyApis: NonNullable<ProgrammeInput['apis']> = Object.values(apiIds).map((id) => ({
  id,
  document: {
    openapi: '3.0.3',
    info: { title: id, version: '1.0.0' },
    paths: { '/x': { get: { responses: { 200: { description: 'Whatever it is.' } } } } },
  },
  baseUrls: { [baseUrl]: `https://${id}.fixtures.example` },
}));

/** Each takes the key alone and has no limits. Drafts: they work, and no catalogue shows them. */
export const keyProducts: NonNullable<ProgrammeInput['products']> = Object.values(apiIds).map(
  (id) => ({
    id: `${id}-key`,
    environment: id === apiIds.liveProduct ? 'live' : 'sandbox',
    name: id,
    audience: `https://fixtures.example/${id}-key`,
    subjects: 'accounts',
    needsApproval: false,
    grantTypes: [],
    credentials: 'key',
    state: 'draft',
    apis: [{ id, baseUrl }],
    scopes: [],
  }),
);

/** By what its keys are to show: a team has one open subscription to a product, so each has its own. */
const kinds = ['valid', 'sandbox', 'expired', 'cancelled'] as const;
type Kind = (typeof kinds)[number];

export const keySubscriptionId = (kind: Kind): string => `sub_fixture_key_${kind}`;
const teamId = (kind: Kind): string => `team_fixtures_key_${kind}`;

/** @param owner an email address. */
export const keyTeams = (owner: string): NonNullable<People['teams']> =>
  kinds.map((kind) => ({
    id: teamId(kind),
    name: `Fixtures: ${kind} key`,
    members: [{ email: owner, role: 'owner' }],
  }));

/** All active at first. What has ended since stays so, with its keys. */
export const keySubscriptions: NonNullable<People['subscriptions']> = kinds.map((kind) => ({
  id: keySubscriptionId(kind),
  team: teamId(kind),
  product: `${apiIds.product}-key`,
  name: `The ${kind} one`,
  state: 'active',
}));
