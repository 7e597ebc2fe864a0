import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { z } from 'zod';
import type { Doer } from '../audit/act.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { listApis } from '../products/api-store.ts';
import type { ProductState, WholeProduct } from '../products/product.ts';
import { listWholeProducts } from '../products/store.ts';
import { errorsOf, sentenceOf, withinOne } from './form-sentences.ts';
import { productFaults } from './product-faults.ts';
import { productFields } from './product-fields.ts';
import { fieldsOf, type Typed } from './product-form.ts';
import { saveProduct } from './product-service.ts';
import { misfitsOf } from './programme-fit.ts';
import { lockProgramme } from './programme-store.ts';

export type EditingParts = {
  pool: pg.Pool;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** What a page showed, in short: of two people who change it the later one is told. */
export const fingerprintOf = (shown: unknown): string =>
  createHash('sha256').update(JSON.stringify(shown)).digest('base64url');

export const findWhole = async (db: Db, id: string): Promise<WholeProduct | undefined> =>
  (await listWholeProducts(db, [id]))[0];

/**
 * Makes a product, or with `before` changes the one of that id, by the same rules as a programme
 * file. A new one is a draft. The answer is its id.
 * @throws {InvalidInput} by the fields of the form; {NotFound}.
 * @throws {Conflict} `changed_meanwhile` when it is not any more what the page showed.
 */
export async function editProduct(
  { pool, baseUrl }: EditingParts,
  doer: Doer,
  typed: Typed,
  before: { id: string; read: string } | null,
): Promise<string> {
  const filled = JSON.parse(JSON.stringify(typed).replaceAll('{base}', baseUrl)) as Typed; // as in a file
  return transaction(pool, async (tx) => {
    await lockProgramme(tx);
    const there = before ? await asShown(tx, before) : undefined;
    const wanted = checked({
      ...fieldsOf(filled),
      ...(there && { id: there.id, environment: there.environment }),
      state: there?.state ?? 'draft',
      retiresOn: there?.retiresOn ?? null,
      deprecationNotice: there?.deprecationNotice ?? '',
    });
    if (!there && (await findWhole(tx, wanted.id))) {
      throw new InvalidInput({ id: 'Another product has this id: choose one of its own.' });
    }
    await mustHold(tx, wanted, there);
    await saveProduct(tx, { baseUrl }, doer, { there, wanted });
    return wanted.id;
  });
}

/**
 * To another state. What is deprecated or retired has a last day; whoever is subscribed hears of
 * the first announcement.
 * @throws as `editProduct` does.
 */
export async function moveProduct(
  { pool, baseUrl }: EditingParts,
  doer: Doer,
  before: { id: string; read: string },
  to: { state: string; retiresOn: string; deprecationNotice: string },
): Promise<void> {
  await transaction(pool, async (tx) => {
    await lockProgramme(tx);
    const there = await asShown(tx, before);
    const ends = to.state === 'deprecated' || to.state === 'retired';
    const wanted = checked({
      ...there,
      state: to.state as ProductState, // which `checked` finds out
      retiresOn: ends && to.retiresOn.trim() ? to.retiresOn.trim() : null,
      deprecationNotice: to.deprecationNotice.replace(/\r\n?/g, '\n'),
    });
    await mustHold(tx, wanted, there);
    await saveProduct(tx, { baseUrl }, doer, { there, wanted });
  });
}

async function asShown(tx: Db, { id, read }: { id: string; read: string }): Promise<WholeProduct> {
  const there = await findWhole(tx, id);
  if (!there) throw new NotFound('no_product', 'There is no such product.');
  if (fingerprintOf(there) === read) return there;
  throw new Conflict(
    'changed_meanwhile',
    'Somebody else changed this product while you did. Compare, then save again to replace it.',
  );
}

const fieldNames = { roleScopes: 'roles' };

function checked(given: Record<keyof z.input<typeof productFields>, unknown>): WholeProduct {
  const read = productFields.safeParse(given, { error: sentenceOf });
  if (read.success) return read.data;
  const issues = read.error.issues.map(({ path, message }) => {
    if ((given as Record<PropertyKey, unknown>)[path[0] ?? ''] === '') {
      return { path, message: 'Fill this in.' };
    }
    const wordless = path[0] === 'scopes' && path[2] === 'description';
    return { path, message: wordless ? 'write behind " | " what it lets people do' : message };
  });
  throw new InvalidInput(errorsOf(issues, fieldNames));
}

/** @throws {InvalidInput} for what does not fit, in itself and to what else is there. */
async function mustHold(
  tx: Db,
  wanted: WholeProduct,
  there: WholeProduct | undefined,
): Promise<void> {
  const nothing = { name: '', apis: [], testUsers: [], clients: [] };
  const faults = [
    ...productFaults(wanted, await listApis(tx)),
    ...withinOne(
      await misfitsOf(
        tx,
        { ...nothing, products: [wanted] },
        { ...nothing, products: there ? [there] : [] },
      ),
    ),
  ];
  if (faults.length > 0) throw new InvalidInput(errorsOf(faults, fieldNames));
}
