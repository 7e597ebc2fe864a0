import { type Environment, environments } from '../base/environment.ts';
import { tokensInWords } from '../clients/words.ts';
import type { Db } from '../db/pool.ts';
import {
  type CatalogueProduct,
  listScopesOf,
  searchCatalogue,
} from '../products/catalogue-store.ts';
import type { GrantType } from '../products/product.ts';

const pageLength = 30;

/** The page object of views/portal/guide-access.ejs: what holds now, of what the viewer may see. */
export async function accessPage(
  db: Db,
  { viewer, baseUrl, after }: { viewer: string | null; baseUrl: string; after: string | null },
): Promise<object> {
  const first = await productsAfter(db, { viewer, after: null });
  const { products, more } = after ? await productsAfter(db, { viewer, after }) : first;
  return {
    issuers: environments.map((environment) => endpointsOf(environment, baseUrl)),
    grants: grantsOf(first.products, baseUrl),
    first: after === null,
    more: more && `/guide/access?${new URLSearchParams({ after: more })}#scopes`,
    products: products.map(({ id, name, environment, audience, grantTypes, scopes }) => ({
      id,
      name,
      environment,
      audience,
      tokens: tokensInWords(grantTypes),
      scopes: scopes.map(({ scope }) => scope),
    })),
  };
}

type Known = CatalogueProduct & { scopes: { scope: string }[] };

/** A page of them, and the last one's id where there are more. */
async function productsAfter(
  db: Db,
  { viewer, after }: { viewer: string | null; after: string | null },
): Promise<{ products: Known[]; more: string | null }> {
  const search = { viewer, words: [], environment: null, after, limit: pageLength };
  const found = await searchCatalogue(db, search);
  const products: Known[] = [];
  for (const product of found.slice(0, pageLength)) {
    products.push({ ...product, scopes: await listScopesOf(db, product.id) });
  }
  return { products, more: found.length > pageLength ? (products.at(-1)?.id ?? null) : null };
}

/** Where each issuer answers; its discovery document says the same. */
export function endpointsOf(environment: Environment, baseUrl: string) {
  const issuer = `${baseUrl}/${environment}`;
  return {
    environment,
    issuer,
    discovery: `${issuer}/.well-known/openid-configuration`,
    authorization: `${issuer}/auth`,
    token: `${issuer}/token`,
    jwks: `${issuer}/jwks`,
    introspection: `${issuer}/token/introspection`,
    revocation: `${issuer}/token/revocation`,
  };
}

/**
 * How to get a token by each grant that a product takes, with scopes that such a token can hold. The
 * product that takes most of them shows as many as it can, so that one subscription tries them all.
 */
function grantsOf(all: readonly Known[], baseUrl: string) {
  const products = all.toSorted((a, b) => b.grantTypes.length - a.grantTypes.length);
  const line = (grant: GrantType, about: Record<string, string>) => {
    const product = products.find(({ grantTypes }) => grantTypes.includes(grant));
    if (!product) return [];
    const { token, authorization } = endpointsOf(product.environment, baseUrl);
    const personal = grant !== 'client_credentials';
    const scope = product.scopes
      .map((one) => one.scope)
      .filter((one) => (personal ? !one.startsWith('system/') : !/^(user|patient)\//.test(one)))[0];
    const asks = grant === 'client_credentials' || grant === 'password'; // the others asked before
    const fields = { grant_type: grant, ...about, ...(asks && scope && { scope }) };
    return [
      {
        grant,
        product: { id: product.id, name: product.name },
        scope: scope ?? '',
        authorize:
          grant === 'authorization_code' &&
          `${authorization}?${new URLSearchParams({
            response_type: 'code',
            client_id: 'CLIENT_ID',
            redirect_uri: 'REDIRECT_URI',
            ...(scope && { scope }),
            state: 'STATE',
            code_challenge: 'CODE_CHALLENGE',
            code_challenge_method: 'S256',
          })}`,
        curl: curlOf(token, fields),
      },
    ];
  };
  return [
    ...line('authorization_code', {
      code: 'CODE',
      redirect_uri: 'REDIRECT_URI',
      code_verifier: 'CODE_VERIFIER',
    }),
    ...line('client_credentials', {}),
    ...line('password', { username: 'USERNAME', password: 'PASSWORD' }),
    ...line('refresh_token', { refresh_token: 'REFRESH_TOKEN' }),
  ];
}

/** A scope may hold an apostrophe (RFC 6749 section 3.3). */
const quoted = (name: string, value: string): string =>
  `'${name}=${value.replaceAll("'", "'\\''")}'`;

/** To be pasted into a shell: what is in capitals is the reader's. */
const curlOf = (url: string, fields: Record<string, string>): string =>
  [
    `curl ${url}`,
    `--user 'CLIENT_ID:CLIENT_SECRET'`,
    ...Object.entries(fields).map(([name, value]) => `--data-urlencode ${quoted(name, value)}`),
  ].join(' \\\n  ');
