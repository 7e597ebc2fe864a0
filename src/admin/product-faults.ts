import { type Api, versionsOf } from '../products/api.ts';
import type { WholeProduct } from '../products/product.ts';
import { duplicates, type Fault, unknown } from './faults.ts';

/** What no single field of a product can tell: what must fit together. `apis`: those to choose from. */
export function productFaults(product: WholeProduct, apis: readonly Api[]): Fault[] {
  const scopes = product.scopes.map(({ scope }) => ({ id: scope }));
  return [
    ...duplicates(['scopes'], product.scopes, ({ scope }) => scope, 'scope'),
    ...Object.entries(product.roleScopes).flatMap(([role, given]) =>
      given.flatMap((scope, at) => unknown(['roleScopes', role, at], scope, scopes)),
    ),
    ...duplicates(['apis'], product.apis, ({ id, baseUrl }) => `${id} ${baseUrl}`, 'baseUrl'),
    ...product.apis.flatMap(({ id, baseUrl, version }, at) => {
      const api = apis.find((one) => one.id === id);
      if (!api) return unknown(['apis', at, 'id'], id, []);
      const names = api.baseUrls.map(({ name }) => ({ id: name }));
      const versions = versionsOf(api).map((one) => ({ id: one.version }));
      return [
        ...unknown(['apis', at, 'baseUrl'], baseUrl, names),
        ...unknown(['apis', at, 'version'], version, versions),
      ];
    }),
    ...subjectFaults(product),
    ...(product.environment === 'sandbox' && product.consoleRelay
      ? [{ path: ['consoleRelay'], message: 'a sandbox product is called from the console anyway' }]
      : []),
    ...endFaults(product),
  ];
}

function subjectFaults({ environment, subjects, grantTypes }: WholeProduct): Fault[] {
  const faults: Fault[] = [];
  if (environment === 'live' && subjects !== 'accounts') {
    faults.push({ path: ['subjects'], message: 'test users exist in the sandbox only' });
  }
  if (subjects === 'accounts' && grantTypes.includes('password')) {
    faults.push({ path: ['grantTypes'], message: 'the password grant is for test users only' });
  }
  return faults;
}

function endFaults({ state, retiresOn, deprecationNotice }: WholeProduct): Fault[] {
  const ends = state === 'deprecated' || state === 'retired';
  if (!ends) {
    return retiresOn
      ? [{ path: ['retiresOn'], message: 'only what is deprecated or retired has a last day' }]
      : [];
  }
  if (state === 'retired') return [];
  const missing = { message: 'its subscribers are told both: the day and a notice' };
  return [
    ...(retiresOn ? [] : [{ path: ['retiresOn'], ...missing }]),
    ...(deprecationNotice ? [] : [{ path: ['deprecationNotice'], ...missing }]),
  ];
}

export const apiFaults = (api: Api): Fault[] =>
  duplicates(['otherVersions'], api.otherVersions, ({ version }) => version, 'info', [
    { version: api.version, document: api.document },
  ]);
