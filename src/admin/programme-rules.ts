import { duplicates, type Fault, unknown, within } from './faults.ts';
import { apiFaults, productFaults } from './product-faults.ts';
import { type Development, type Programme, programmeFields } from './programme.ts';
import { clientFaults, firstPartyFaults } from './programme-client-faults.ts';

/** Checks a programme that a directory or a piece of code describes: its fields, then how they fit. */
export const programmeSchema = programmeFields.superRefine((programme, ctx) => {
  for (const { path, message } of faultsOf(programme)) {
    ctx.addIssue({ code: 'custom', path, message });
  }
});

/** What no single field can tell: names that must exist, must be one of a kind, or must fit together. */
function faultsOf(programme: Programme): Fault[] {
  const { products, apis, testUsers, clients, development } = programme;
  return [
    ...duplicates(['apis'], apis, ({ id }) => id, 'id'),
    ...duplicates(['products'], products, ({ id }) => id, 'id'),
    ...duplicates(
      ['products'],
      products,
      ({ environment, audience }) => `${environment} ${audience}`,
      'audience',
    ),
    ...apis.flatMap((api, at) => within(['apis', at], apiFaults(api))),
    ...products.flatMap((product, at) => within(['products', at], productFaults(product, apis))),
    ...duplicates(['testUsers'], testUsers, ({ id }) => id, 'id'),
    ...duplicates(
      ['testUsers'],
      testUsers,
      ({ team, username }) => `${team} ${username}`,
      'username',
    ),
    ...testUsers.flatMap(({ team }, at) =>
      unknown(['testUsers', at, 'team'], team, development?.teams),
    ),
    ...duplicates(['clients'], clients, ({ id }) => id, 'id'),
    ...clients.flatMap((client, at) => within(['clients', at], firstPartyFaults(client, products))),
    ...(development ? within(['development'], developmentFaults(development, programme)) : []),
  ];
}

function developmentFaults(
  development: Development,
  { products, clients: firstParty }: Programme,
): Fault[] {
  const { accounts, teams, subscriptions, clients } = development;
  const emails = accounts.map(({ email }) => ({ id: email.toLowerCase() }));
  return [
    ...duplicates(['accounts'], accounts, ({ email }) => email.toLowerCase(), 'email'),
    ...duplicates(['teams'], teams, ({ id }) => id, 'id'),
    ...teams.flatMap(({ members }, at) =>
      members.flatMap(({ email }, i) =>
        unknown(['teams', at, 'members', i, 'email'], email.toLowerCase(), emails),
      ),
    ),
    ...duplicates(['subscriptions'], subscriptions, ({ id }) => id, 'id'),
    ...secondOpen(subscriptions),
    ...subscriptions.flatMap(({ team, product }, at) => [
      ...unknown(['subscriptions', at, 'team'], team, teams),
      ...unknown(['subscriptions', at, 'product'], product, products),
    ]),
    ...duplicates(['clients'], clients, ({ id }) => id, 'id', firstParty),
    ...clients.flatMap((client, at) =>
      within(['clients', at], clientFaults(client, development, products)),
    ),
  ];
}

/** A team has one subscription of a product that is not over. */
function secondOpen(subscriptions: Development['subscriptions']): Fault[] {
  const open = subscriptions.map(({ team, product, state }) =>
    ['submitted', 'active', 'suspended'].includes(state) ? `${team} ${product}` : undefined,
  );
  return open.flatMap((key, at) =>
    key === undefined || open.indexOf(key) === at
      ? []
      : [{ path: ['subscriptions', at, 'product'], message: 'this team has an open one already' }],
  );
}
