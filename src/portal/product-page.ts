import type { Environment } from '../base/environment.ts';
import { counted, dayInWords, listed } from '../base/in-words.ts';
import { tokensInWords } from '../clients/words.ts';
import type { Db } from '../db/pool.ts';
import {
  type CatalogueProduct,
  findInCatalogue,
  listApisOf,
  listScopesOf,
  listTeamsThatMayAsk,
  searchCatalogue,
} from '../products/catalogue-store.ts';
import { credentialWords, priceInWords } from '../products/words.ts';
import { stateWords } from '../subscriptions/words.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { listStandings, listTeamsThatWait, type Standing } from './product-store.ts';
import { limitsInWords, scopesInWords } from './subscription-words.ts';

const pageLength = 30;

/** The page object of views/portal/products.ejs. */
export async function cataloguePage(
  db: Db,
  viewer: string | null,
  asked: { q: string; environment: Environment | null; after: string | null },
): Promise<object> {
  const words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
  const search = { viewer, words, ...asked, limit: pageLength };
  const found = await searchCatalogue(db, search);
  const products = found.slice(0, pageLength);
  const more = found.length > pageLength ? (products.at(-1)?.id ?? null) : null;
  const filter = {
    ...(asked.q && { q: asked.q }),
    ...(asked.environment && { environment: asked.environment }),
  };
  return {
    q: asked.q,
    environment: asked.environment ?? '',
    filtered: words.length > 0 || asked.environment !== null,
    first: asked.after === null,
    start: `/products?${new URLSearchParams(filter)}`,
    more: more && `/products?${new URLSearchParams({ ...filter, after: more })}`,
    products: await withStandings(db, viewer, products),
  };
}

async function withStandings(
  db: Db,
  viewer: string | null,
  products: readonly CatalogueProduct[],
): Promise<object[]> {
  const productIds = products.map(({ id }) => id);
  const standings = viewer ? await listStandings(db, { accountId: viewer, productIds }) : [];
  return products.map((product) => {
    const own = standings.find(({ productId }) => productId === product.id);
    return { ...briefly(product), own: own ? ownOf(own) : null };
  });
}

const briefly = ({ id, name, description, environment, ...product }: CatalogueProduct) => ({
  id,
  name,
  description,
  environment,
  deprecated: product.state === 'deprecated',
  open: product.open,
  needsApproval: product.needsApproval,
});

const ownOf = ({ subscriptionId, teamName, state }: Standing) => ({
  id: subscriptionId,
  teamName,
  state,
  stateWords: stateWords[state],
});

/** What was typed into the form, and what is wrong with it. */
export type Asked = {
  team: string;
  purpose: string;
  errors: Readonly<Record<string, string>>;
  /** About no field in particular. */
  problem: string | null;
};

/** The page object of views/portal/product.ejs; undefined where the viewer sees no such product. */
export async function productPage(
  db: Db,
  { viewer, id, asked }: { viewer: string | null; id: string; asked: Asked },
): Promise<object | undefined> {
  const product = await findInCatalogue(db, { viewer, id });
  if (!product) return undefined;
  const [suspension] = await suspensionsOf(db, [{ kind: 'product', id }]);
  const scopes = await listScopesOf(db, id);
  const apis = await listApisOf(db, id);
  const own = viewer ? await listStandings(db, { accountId: viewer, productIds: [id] }) : [];
  const teams = viewer ? await listTeamsThatMayAsk(db, { accountId: viewer, productId: id }) : [];
  const free = teams.filter((team) => !own.some(({ teamId }) => teamId === team.id));
  const known =
    viewer && !product.needsApproval
      ? await listTeamsThatWait(db, { accountId: viewer, productId: id })
      : [];
  const waiting = free.filter((team) => known.includes(team.id));
  return {
    ...briefly(product),
    signedIn: viewer !== null,
    retires: product.retiresOn && dayInWords(new Date(product.retiresOn)),
    notice: product.deprecationNotice,
    suspended: suspension?.reason ?? null,
    terms: product.terms,
    termsVersion: product.termsVersion,
    scopes: scopesInWords(scopes),
    apis: apis.map((api) => ({ ...api, operations: counted(api.operations, 'operation') })),
    own: own.map(ownOf),
    teams: free.map((team) => ({ ...team, people: counted(team.people, 'person', 'people') })),
    waiting: listed(waiting.map(({ name }) => name)),
    asks: product.needsApproval || (waiting.length > 0 && waiting.length === free.length),
    typed: { team: asked.team || (free[0]?.id ?? ''), purpose: asked.purpose },
    errors: asked.errors,
    problem: asked.problem,
    facts: {
      price: product.priceNote,
      reckoned: product.price ? priceInWords(product.price) : '',
      limits: limitsInWords([product.rate, product.quota]),
      call: credentialWords[product.credentials],
      needsToken: product.credentials !== 'key',
      tokens: tokensInWords(product.grantTypes),
      subjects: product.subjects,
      audience: product.audience,
    },
  };
}
