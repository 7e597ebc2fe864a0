import { type Programme, programmeFields } from './programme.ts';

/** Where in the programme, and what is wrong there. */
type Fault = { path: (string | number)[]; message: string };

type Product = Programme['products'][number];
type Development = NonNullable<Programme['development']>;
type Client = Development['clients'][number];

/** Checks a programme that a directory or a piece of code describes: its fields, then how they fit. */
export const programmeSchema = programmeFields.superRefine((programme, ctx) => {
  for (const { path, message } of faultsOf(programme)) {
    ctx.addIssue({ code: 'custom', path, message });
  }
});

/** What no single field can tell: names that must exist, must be one of a kind, or must fit together. */
function faultsOf(programme: Programme): Fault[] {
  const { products, apis, testUsers, development } = programme;
  return [
    ...duplicates(['apis'], apis, ({ id }) => id, 'id'),
    ...duplicates(['products'], products, ({ id }) => id, 'id'),
    ...duplicates(
      ['products'],
      products,
      ({ environment, audience }) => `${environment} ${audience}`,
      'audience',
    ),
    ...products.flatMap((product, at) =>
      within(['products', at], productFaults(product, programme)),
    ),
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
    ...(development ? within(['development'], developmentFaults(development, products)) : []),
  ];
}

function productFaults(product: Product, { apis }: Programme): Fault[] {
  const scopes = product.scopes.map(({ scope }) => ({ id: scope }));
  const faults = [
    ...duplicates(['scopes'], product.scopes, ({ scope }) => scope, 'scope'),
    ...Object.entries(product.roleScopes).flatMap(([role, given]) =>
      given.flatMap((scope, at) => unknown(['roleScopes', role, at], scope, scopes)),
    ),
    ...product.apis.flatMap(({ id, baseUrl }, at) => {
      const names = apis.find((api) => api.id === id)?.baseUrls.map(({ name }) => ({ id: name }));
      return [
        ...unknown(['apis', at, 'id'], id, apis),
        ...(names ? unknown(['apis', at, 'baseUrl'], baseUrl, names) : []),
      ];
    }),
  ];
  if (product.environment === 'live' && product.subjects !== 'accounts') {
    faults.push({ path: ['subjects'], message: 'test users exist in the sandbox only' });
  }
  if (product.subjects === 'accounts' && product.grantTypes.includes('password')) {
    faults.push({ path: ['grantTypes'], message: 'the password grant is for test users only' });
  }
  return faults;
}

function developmentFaults(development: Development, products: Product[]): Fault[] {
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
    ...subscriptions.flatMap(({ team, product }, at) => [
      ...unknown(['subscriptions', at, 'team'], team, teams),
      ...unknown(['subscriptions', at, 'product'], product, products),
    ]),
    ...duplicates(['clients'], clients, ({ id }) => id, 'id'),
    ...clients.flatMap((client, at) =>
      within(['clients', at], clientFaults(client, development, products)),
    ),
  ];
}

function clientFaults(
  client: Client,
  { subscriptions }: Development,
  products: Product[],
): Fault[] {
  const faults = [
    ...client.subscriptions.flatMap((id, at) => unknown(['subscriptions', at], id, subscriptions)),
    ...client.products.flatMap((id, at) => unknown(['products', at], id, products)),
  ];
  const tied = subscriptions.filter(({ id }) => client.subscriptions.includes(id));
  const named = [...client.products, ...tied.map(({ product }) => product)];
  const environments = products.filter(({ id }) => named.includes(id)).map((p) => p.environment);
  const fault = (field: string, message: string) => faults.push({ path: [field], message });

  if (client.subscriptions.length > 0 === client.products.length > 0) {
    fault('subscriptions', 'either subscriptions or, for a first-party client, products');
  }
  if (new Set(environments).size > 1) fault('subscriptions', 'not all in one environment');
  if (new Set(tied.map(({ team }) => team)).size > 1) fault('subscriptions', 'not all of one team');
  if (client.defaultProduct && !named.includes(client.defaultProduct)) {
    fault('defaultProduct', `"${client.defaultProduct}" is none of its products`);
  }
  if (client.secret && !client.authMethod.startsWith('client_secret')) {
    fault('secret', `${client.authMethod} has no secret`);
  }
  if ((client.jwks !== null) !== (client.authMethod === 'private_key_jwt')) {
    fault('jwks', 'needed with private_key_jwt, and with nothing else');
  }
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0) {
    fault('redirectUris', 'authorization_code needs at least one');
  }
  if (client.authMethod === 'none' && client.grantTypes.includes('client_credentials')) {
    fault(
      'grantTypes',
      'client_credentials is for clients that authenticate (RFC 6749 section 4.4)',
    );
  }
  return faults;
}

const within = (path: Fault['path'], faults: Fault[]): Fault[] =>
  faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] }));

const unknown = (
  path: Fault['path'],
  id: string | null,
  known: readonly { id: string }[] = [],
): Fault[] =>
  id === null || known.some((one) => one.id === id)
    ? []
    : [{ path, message: `there is no "${id}"` }];

/** The second one is at fault. */
function duplicates<One>(
  path: Fault['path'],
  list: readonly One[],
  keyOf: (one: One) => string,
  field: string,
): Fault[] {
  const keys = list.map(keyOf);
  return keys.flatMap((key, at) =>
    keys.indexOf(key) === at
      ? []
      : [{ path: [...path, at, field], message: `"${key}" is already taken by another` }],
  );
}
