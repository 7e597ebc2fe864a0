import { changesOf, fieldsWithin, type Thing } from '../base/changes.ts';
import { apiThing, productThing } from '../products/changes.ts';
import { moves } from '../subscriptions/subscription.ts';
import type { Development, Programme } from './programme.ts';
import type { FirstPartyClient } from './programme-clients.ts';

/** What applying would change, a line each, always in the same order; no line shows a secret. */
export const programmeChanges = (there: Programme, wanted: Programme): string[] =>
  changesOf(
    thingsOf(there),
    thingsOf({
      ...wanted,
      ...(wanted.development && { development: reachable(there.development, wanted.development) }),
    }),
  );

function thingsOf(programme: Programme): Thing[] {
  const { name, apis, products, testUsers, clients, development } = programme;
  return [
    { title: 'programme', fields: { name } },
    ...apis.map(apiThing),
    ...products.map(productThing),
    ...(development ? developmentThings(development) : []),
    {
      title: 'test users',
      fields: {},
      reordered: 'in another order',
      parts: testUsers.map(({ id, password, claims, ...fields }) => ({
        title: `test user ${id}`,
        fields: { ...fields, password: { hidden: password }, ...fieldsWithin('claims', claims) },
      })),
    },
    ...clients.map(clientThing),
  ];
}

const developmentThings = ({ accounts, teams, subscriptions, clients }: Development): Thing[] => [
  ...accounts.map(({ email, name, password, emailVerified, roles, profiles }) => ({
    title: `account ${email.toLowerCase()}`,
    fields: {
      email,
      name,
      password: { hidden: password },
      emailVerified,
      roles: [...roles].sort(),
      ...fieldsWithin('profiles', profiles),
    },
  })),
  ...teams.map(({ id, name, members }) => ({
    title: `team ${id}`,
    fields: { name },
    parts: members.map(({ email, role }) => ({
      title: `member ${email.toLowerCase()} of team ${id}`,
      fields: { role },
    })),
  })),
  ...subscriptions.map(({ id, ...fields }) => ({ title: `subscription ${id}`, fields })),
  ...clients.map(({ secret, subscriptions, ...client }) => {
    const thing = clientThing(client);
    const own = { subscriptions: [...subscriptions].sort(), secret: { hidden: secret } };
    return { ...thing, fields: { ...thing.fields, ...own } };
  }),
];

const clientThing = ({ id, jwks, products, ...fields }: FirstPartyClient): Thing => ({
  title: `client ${id}`,
  fields: { ...fields, products: [...products].sort(), ...fieldsWithin('jwks', jwks) },
});

/** What the file cannot bring about is not wanted: what has ended stays so, and who joined stays. */
function reachable(there: Development | undefined, wanted: Development): Development {
  return {
    ...wanted,
    subscriptions: wanted.subscriptions.map((subscription) => {
      const state = there?.subscriptions.find(({ id }) => id === subscription.id)?.state;
      if (!state || canBecome(state, subscription.state)) return subscription;
      return { ...subscription, state };
    }),
    teams: wanted.teams.map((team) => {
      const members = there?.teams.find(({ id }) => id === team.id)?.members ?? [];
      const named = team.members.map(({ email }) => email.toLowerCase());
      const joined = members.filter(({ email }) => !named.includes(email.toLowerCase()));
      return { ...team, members: [...team.members, ...joined] };
    }),
  };
}

type State = Development['subscriptions'][number]['state'];
/** A file resumes nothing: somebody has suspended it. */
export const canBecome = (from: State, to: State): boolean =>
  Object.entries(moves).some(
    ([name, move]) => name !== 'resume' && move.from.includes(from) && move.to === to,
  );
