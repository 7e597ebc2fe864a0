import type { Doer } from '../audit/act.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { newId } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import { type ApplicationInput, changesBetween, readApplication } from './application.ts';
import { recordClientAct, rulesOf } from './application-service.ts';
import { saveMaker } from './application-store.ts';
import { hasSecret } from './client.ts';
import { findAnyClient, listOfferedProducts, type OfferedProduct } from './first-party-store.ts';
import type { ClientParts } from './letters.ts';
import { addSecret, holdApplication, type MadeSecret } from './secret-service.ts';
import { setOnlySecret } from './service.ts';
import { saveClientProducts, upsertClient } from './store.ts';

type Given = ApplicationInput & {
  productIds: readonly string[];
  /** The one whose scopes it gets when it names none; empty: the oldest. */
  defaultProductId: string;
};

/** What an operator may call it: nothing that the server itself would make. */
const idForm = /^(?!acc_|tu_|console_|test_)[A-Za-z0-9_-]{1,80}$/;

/**
 * A client of the programme itself, for named products of one environment. Ask for the role of a
 * publisher first. `secret`: to be shown now and never again.
 * @param given.id as the operator wants it; left out: made.
 * @throws {InvalidInput} @throws {Conflict} `id_taken`
 */
export const registerClient = (
  parts: ClientParts,
  doer: Doer,
  {
    id = `app_${newId()}`,
    productIds,
    defaultProductId,
    ...input
  }: Given & { id?: string | undefined },
): Promise<{ id: string; secret: MadeSecret | null }> =>
  transaction(parts.pool, async (tx) => {
    if (!idForm.test(id)) {
      throw new InvalidInput({ id: 'Use up to 80 letters, digits, "_" and "-".' });
    }
    const chosen = named(await listOfferedProducts(tx, null), productIds);
    const also = choiceFaults(chosen, defaultProductId);
    const columns = readApplication(input, chosen, rulesOf(parts), also);
    const [first] = chosen as OfferedProduct[] as [OfferedProduct]; // choiceFaults saw that there is one
    if (await findAnyClient(tx, id)) throw taken(id);
    const client = await upsertClient(tx, {
      ...columns,
      id,
      environment: first.environment,
      teamId: null,
      kind: 'first_party',
      allowsOidc: true,
      defaultProductId: defaultProductId || null,
    });
    if (!client) throw taken(id);
    await saveMaker(tx, id, doer.actor.kind === 'account' ? doer.actor.id : null);
    await saveClientProducts(tx, client, productIds);
    await recordClientAct(tx, doer, 'client.made', client, { name: client.name });
    const secret = hasSecret(client.authMethod) ? await addSecret(tx, doer, client) : null;
    return { id, secret };
  });

/**
 * Brings a first-party client to what is given; its environment never changes.
 * @throws {InvalidInput} @throws {NotFound} `client_not_found`, also for a team's.
 */
export const changeClient = (
  parts: ClientParts,
  doer: Doer,
  { id, productIds, defaultProductId, ...input }: Given & { id: string },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const before = await holdApplication(tx, { owner: null, id });
    const offered = await listOfferedProducts(tx, id);
    const chosen = named(offered, productIds);
    const elsewhere = chosen.some(({ environment }) => environment !== before.environment);
    const also = choiceFaults(chosen, defaultProductId);
    if (elsewhere) also.products = 'A client keeps its environment: register another one.';
    const columns = readApplication(input, chosen, rulesOf(parts), also);
    const changes = changesBetween(before, columns);
    const defaultProduct = defaultProductId || null;
    const { createdAt: _, createdByName: __, teamName: ___, ...client } = before;
    await upsertClient(tx, { ...client, ...columns, defaultProductId: defaultProduct });
    await saveClientProducts(tx, before, productIds);
    if (!hasSecret(columns.authMethod)) await setOnlySecret(tx, id, undefined);
    if (offered.some((one) => one.tied !== productIds.includes(one.id))) changes.push('products');
    if (defaultProduct !== before.defaultProductId) changes.push('default product');
    if (changes.length > 0) await recordClientAct(tx, doer, 'client.changed', before, { changes });
  });

/** @throws {NotFound} `product_not_found` */
function named<One extends OfferedProduct>(offered: readonly One[], ids: readonly string[]): One[] {
  const chosen = offered.filter(({ id }) => ids.includes(id));
  if (chosen.length === new Set(ids).size) return chosen;
  throw new NotFound('product_not_found', 'There is no such product, or it is retired.');
}

/** They must be of one environment, and the default product one of them. */
function choiceFaults(
  chosen: readonly OfferedProduct[],
  defaultProductId: string,
): Record<string, string> {
  const faults: Record<string, string> = {};
  if (chosen.length === 0) faults.products = 'Choose at least one.';
  if (new Set(chosen.map(({ environment }) => environment)).size > 1) {
    faults.products = 'Choose products of the sandbox or of live: a client never reaches both.';
  }
  if (defaultProductId !== '' && !chosen.some(({ id }) => id === defaultProductId)) {
    faults.default_product = 'Choose one of its own products.';
  }
  return faults;
}

const taken = (id: string): Conflict =>
  new Conflict('id_taken', `"${id}" is taken by another client.`);
