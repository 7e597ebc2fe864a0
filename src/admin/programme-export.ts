import { stringify } from 'yaml';
import { type Api, usualCalls, versionsOf } from '../products/api.ts';
import type { WholeProduct } from '../products/product.ts';
import type { Programme } from './programme.ts';
import type { FirstPartyClient } from './programme-clients.ts';

/** Path within the directory → content. */
export type ProgrammeFiles = ReadonlyMap<string, string>;

/**
 * The files that describe this programme, such that reading them gives it back; the same programme
 * gives the same bytes. What may be left out is left out. No secret of a client is in a programme
 * without development; passwords of shared test users are published data.
 * @param baseUrl what `{base}` is written for.
 */
export function programmeFiles(programme: Programme, baseUrl: string): ProgrammeFiles {
  const { name, apis, products, testUsers, clients } = programme;
  const files = new Map<string, string>();
  const write = (file: string, value: unknown) => files.set(file, yamlOf(value, baseUrl));
  const names = documentNames(apis);

  write('programme.yaml', { name });
  if (apis.length > 0) {
    write(
      'apis.yaml',
      apis.map((api) => apiEntry(api, names)),
    );
  }
  for (const api of apis) {
    for (const { version, document } of versionsOf(api)) {
      files.set(names.get(keyOf(api, version)) ?? '', stringify(document, style));
    }
  }
  for (const product of products) write(`products/${product.id}.yaml`, productEntry(product));
  if (testUsers.length > 0) write('test-users.yaml', testUsers.map(testUserEntry));
  if (clients.length > 0) write('clients.yaml', clients.map(clientEntry));
  return files;
}

/** No aliases: people read and edit these. */
const style = { lineWidth: 100, aliasDuplicateObjects: false } as const;

/** Stands for the brace of a text that says `{base}` itself: `{base}` is filled in before YAML is read. */
const brace = '\uE000';

function yamlOf(value: unknown, baseUrl: string): string {
  const based = mapped(value, (text) =>
    text.replaceAll('{base}', `${brace}base}`).replaceAll(baseUrl, '{base}'),
  );
  const json = JSON.stringify(based, null, 2);
  return json.includes(brace)
    ? `${json.replaceAll(brace, '\\u007b')}\n` // JSON is YAML, and can say a brace in another way
    : stringify(based, style);
}

function mapped(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapped(one, change));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, mapped(one, change)]);
  return Object.fromEntries(entries);
}

const keyOf = ({ id }: { id: string }, version: string): string => `${id} ${version}`;

/** The current document under the API's name, each other one with its version behind. */
function documentNames(apis: readonly Api[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>(apis.map(({ id }) => `apis/${id}.yaml`));
  for (const api of apis) {
    names.set(keyOf(api, api.version), `apis/${api.id}.yaml`);
    for (const { version } of api.otherVersions) {
      const plain = `apis/${api.id}-${version.replace(/[^A-Za-z0-9._-]+/g, '-')}`;
      let file = `${plain}.yaml`;
      for (let count = 2; taken.has(file); count += 1) file = `${plain}-${count}.yaml`;
      taken.add(file);
      names.set(keyOf(api, version), file);
    }
  }
  return names;
}

const apiEntry = (api: Api, names: ReadonlyMap<string, string>): unknown => ({
  id: api.id,
  document: names.get(keyOf(api, api.version)),
  ...filled({
    otherVersions: api.otherVersions.map(({ version }) => names.get(keyOf(api, version))),
  }),
  baseUrls: Object.fromEntries(api.baseUrls.map(({ name, url }) => [name, url])),
  ...unlike(usualCalls, api),
});

const productEntry = (product: WholeProduct): unknown => ({
  id: product.id,
  environment: product.environment,
  name: product.name,
  ...filled({ description: product.description }),
  audience: product.audience,
  subjects: product.subjects,
  needsApproval: product.needsApproval,
  grantTypes: product.grantTypes,
  ...unlike(
    { signingAlg: 'RS256', tokenTyp: 'at+jwt', credentials: 'key_and_token', staleSeconds: 0 },
    product,
  ),
  ...filled({ rate: product.rate, quota: product.quota }),
  ...unlike({ quotaStatus: 403, consoleRelay: false }, product),
  ...filled({
    priceNote: product.priceNote,
    price: product.price,
    terms: product.terms,
  }),
  state: product.state,
  ...filled({ retiresOn: product.retiresOn, deprecationNotice: product.deprecationNotice }),
  visibility: product.visibility,
  ...filled({
    invited: product.invited,
    apis: product.apis.map(({ version, ...opened }) => ({ ...opened, ...filled({ version }) })),
  }),
  scopes: product.scopes,
  ...filled({ roleScopes: product.roleScopes }),
});

const testUserEntry = (testUser: Programme['testUsers'][number]): unknown => {
  const { id, username, password, name, title, about, role, claims, patient } = testUser;
  return {
    id,
    username,
    password,
    name,
    ...filled({ title, about }),
    role,
    ...filled({ patient, claims }),
  };
};

const clientEntry = (client: FirstPartyClient): unknown => ({
  id: client.id,
  name: client.name,
  products: client.products,
  ...filled({ defaultProduct: client.defaultProduct }),
  authMethod: client.authMethod,
  grantTypes: client.grantTypes,
  ...filled({
    redirectUris: client.redirectUris,
    postLogoutRedirectUris: client.postLogoutRedirectUris,
    allowedOrigins: client.allowedOrigins,
    jwks: client.jwks,
    jwksUri: client.jwksUri,
  }),
  ...(client.allowsOidc ? {} : { allowsOidc: false }),
});

/** Of these fields, those that are not as they would be by themselves. */
const unlike = <Fields extends object>(usual: Fields, of: Record<keyof Fields, unknown>): object =>
  Object.fromEntries(
    Object.entries(usual).flatMap(([name, value]) => {
      const own = of[name as keyof Fields]; // a name of `usual`
      return own === value ? [] : [[name, own]];
    }),
  );

/** Without what is empty and would be so by itself. */
const filled = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
