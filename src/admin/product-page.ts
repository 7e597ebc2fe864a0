import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { counted, dayInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { versionsOf } from '../products/api.ts';
import { listApis } from '../products/api-store.ts';
import {
  credentials,
  grantTypes,
  productStates,
  subjects,
  visibilities,
  type WholeProduct,
} from '../products/product.ts';
import { credentialWords } from '../products/words.ts';
import { fingerprintOf } from './product-editing.ts';
import type { Typed } from './product-form.ts';
import { countSubscriptions, listProductLines, listTeamNames } from './product-store.ts';
import {
  productStateWords,
  stateMeanings,
  subjectWords,
  visibilityWords,
} from './product-words.ts';

const pageLength = 25;

/** The page object of views/admin/products.ejs. */
export async function productsPage(
  db: Db,
  { like, after, mayEdit }: { like: string; after: string | null; mayEdit: boolean },
): Promise<object> {
  const rows = await listProductLines(db, { like, after, limit: pageLength + 1 });
  const products = rows.slice(0, pageLength);
  return {
    like,
    mayEdit,
    first: after === null,
    next: rows.length > pageLength ? (products.at(-1)?.id ?? null) : null,
    products: products.map((one) => ({
      id: one.id,
      name: one.name,
      environment: one.environment,
      state: one.state,
      stateWords: productStateWords[one.state],
      until: one.retiresOn && lastDay(one.retiresOn),
      approval: one.needsApproval ? 'by an approver' : 'open',
      visibility: visibilityWords[one.visibility],
      subscriptions: subscriptionsInWords(one),
    })),
  };
}

const subscriptionsInWords = ({ active, waiting }: { active: number; waiting: number }): string =>
  [
    active > 0 ? `${counted(active, 'active', 'active')}` : '',
    waiting > 0 ? `${waiting} waiting` : '',
  ]
    .filter(Boolean)
    .join(', ') || 'none';

const lastDay = (day: string): string => dayInWords(new Date(`${day}T00:00:00Z`), new Date(0));

/** What one of the forms of the page held, and what came of it. */
export type Told = {
  done?: string | null;
  /** A sentence of what stopped the whole form. */
  problem?: string | null;
  typed?: Typed;
  moved?: { state: string; retiresOn: string; deprecationNotice: string };
  errors?: Readonly<Record<string, string>>;
};

/** The page object of views/admin/product.ejs; without a product, that of a new one. */
export async function productPage(
  db: Db,
  product: WholeProduct | null,
  {
    typed,
    told,
    mayEdit,
    reader,
    before,
  }: {
    typed: Typed;
    told: Told;
    mayEdit: boolean;
    reader: string;
    before: string | null;
  },
): Promise<object> {
  const apis = await listApis(db);
  return {
    done: told.done ?? null,
    problem: told.problem ?? null,
    errors: told.errors ?? {},
    mayEdit,
    typed: told.typed ?? typed,
    moved: told.moved ?? {
      state: product?.state ?? 'draft',
      retiresOn: product?.retiresOn ?? '',
      deprecationNotice: product?.deprecationNotice ?? '',
    },
    product: product && (await shown(db, product, reader, before)),
    choices: {
      subjects: subjects.map((value) => ({ value, words: subjectWords[value] })),
      visibilities: visibilities.map((value) => ({ value, words: visibilityWords[value] })),
      credentials: credentials.map((value) => ({ value, words: credentialWords[value] })),
      states: productStates.map((value) => ({
        value,
        words: productStateWords[value],
        meaning: stateMeanings[value],
      })),
      grantTypes,
      apis: apis.flatMap((api) =>
        api.baseUrls.map(({ name, url }) => ({
          at: `${api.id} ${name}`,
          api: api.name,
          baseUrl: name,
          url,
          versions: versionsOf(api).map(({ version }) => version),
        })),
      ),
    },
  };
}

async function shown(
  db: Db,
  product: WholeProduct,
  reader: string,
  before: string | null,
): Promise<object> {
  const acts = await listActsAbout(db, { kind: 'product', id: product.id }, { before, limit: 21 });
  const { active, waiting, suspended } = await countSubscriptions(db, product.id);
  return {
    id: product.id,
    name: product.name,
    environment: product.environment,
    state: product.state,
    stateWords: productStateWords[product.state],
    until: product.retiresOn && lastDay(product.retiresOn),
    read: fingerprintOf(product),
    active,
    concerns: concernsInWords(active),
    subscriptions: `${active} active, ${waiting} waiting, ${suspended} suspended`,
    invited: await listTeamNames(db, product.invited),
    history: historyOf(acts.slice(0, 20), reader),
    older: acts.length > 20 ? (acts[19]?.id ?? null) : null,
  };
}

const concernsInWords = (active: number): string | null => {
  if (active === 0) return null;
  const many = counted(active, 'subscription is active', 'subscriptions are active');
  return `${many}. What you change here counts for ${active === 1 ? 'it' : 'them'} at once.`;
};
