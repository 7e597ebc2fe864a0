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
    const [first, ...others] = named(await listOfferedProducts(tx, null), productIds);
    const columns = readApplication(input, [first, ...others], rulesOf(parts));
    if (await findAnyClient(tx, id)) throw taken(id);
    const client = await upsertClient(tx, {
      ...columns,
      id,
      environment: first.environment,
      teamId: null,
      kind: 'first_party',
      allowsOidc: true,
      defaultProductId: defaultOf(defaultProductId, productIds),
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
    if (chosen[0].environment !== before.environment) {
      throw new InvalidInput({ products: 'A client keeps its environment: register another one.' });
    }
    const columns = readApplication(input, chosen, rulesOf(parts));
    const changes = changesBetween(before, columns);
    const defaultProduct = defaultOf(defaultProductId, productIds);
    const { createdAt: _, createdByName: __, teamName: ___, ...client } = before;
    await upsertClient(tx, { ...client, ...columns, defaultProductId: defaultProduct });
    await saveClientProducts(tx, before, productIds);
    if (!hasSecret(columns.authMethod)) await setOnlySecret(tx, id, undefined);
    if (offered.some((one) => one.tied !== productIds.includes(one.id))) changes.push('products');
    if (defaultProduct !== before.defaultProductId) changes.push('default product');
    if (changes.length > 0) await recordClientAct(tx, doer, 'client.changed', before, { changes });
  });

/** Those products, of which there is at least one, all of one environment. */
function named<One extends OfferedProduct>(
  offered: readonly One[],
  ids: readonly string[],
): [One, ...One[]] {
  const chosen = offered.filter(({ id }) => ids.includes(id));
  if (chosen.length < new Set(ids).size) {
    throw new NotFound('product_not_found', 'There is no such product, or it is retired.');
  }
  const [first, ...others] = chosen;
  if (!first) throw new InvalidInput({ products: 'Choose at least one.' });
  if (others.some(({ environment }) => environment !== first.environment)) {
    throw new InvalidInput({
      products: 'Choose products of the sandbox or of live: a client never reaches both.',
    });
  }
  return [first, ...others];
}

function defaultOf(wanted: string, productIds: readonly string[]): string | null {
  if (wanted === '') return null;
  if (productIds.includes(wanted)) return wanted;
  throw new InvalidInput({ default_product: 'Choose one of its own products.' });
}

const taken = (id: string): Conflict =>
  new Conflict('id_taken', `"${id}" is taken by another client.`);
