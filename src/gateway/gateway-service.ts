import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { digest } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { listBaseUrlNames } from '../products/api-store.ts';
import { type Gateway, mostCredentials, newCredential } from './gateway.ts';
import {
  deleteGateway,
  endCredential,
  insertCredential,
  insertGateway,
  listCredentialsOf,
  lockGateway,
  updateGateway,
} from './gateway-store.ts';

/** What a person says of a gateway. An empty base URL name: it stands before all of them. */
export type GatewayInput = { name: string; baseUrlName: string };

/** A credential that is to be shown now and never again. */
export type MadeCredential = { credential: string; lastFour: string };

/**
 * Makes a gateway and its first credential.
 * @throws {InvalidInput} by `name` and `base_url_name`.
 */
export const addGateway = (
  pool: pg.Pool,
  doer: Doer,
  given: GatewayInput,
): Promise<{ id: string } & MadeCredential> =>
  transaction(pool, async (tx) => {
    const read = await checked(tx, given);
    const { id } = await orNameTold(insertGateway(tx, { ...read, createdBy: creatorOf(doer) }));
    await recordAct(tx, { ...doer, action: 'gateway.made', subject: { kind: 'gateway', id } });
    return { id, ...(await makeCredential(tx, doer, id)) };
  });

/** @throws {NotFound} `gateway_not_found`; {InvalidInput} as `addGateway` does. */
export const changeGateway = (
  pool: pg.Pool,
  doer: Doer,
  { id, ...given }: GatewayInput & { id: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const there = await holdGateway(tx, id);
    const wanted = await checked(tx, given);
    const changes = [
      ...(wanted.name === there.name ? [] : ['name']),
      ...(wanted.baseUrlName === there.baseUrlName ? [] : ['base URL']),
    ];
    if (changes.length === 0) return;
    await orNameTold(updateGateway(tx, { id, ...wanted }));
    const subject = { kind: 'gateway', id } as const;
    await recordAct(tx, { ...doer, action: 'gateway.changed', subject, detail: { changes } });
  });

/**
 * Makes a credential beside the one that is live.
 * @throws {NotFound} `gateway_not_found`; {Conflict} `two_credentials` while two are live.
 */
export const addCredential = (pool: pg.Pool, doer: Doer, id: string): Promise<MadeCredential> =>
  transaction(pool, async (tx) => {
    await holdGateway(tx, id);
    if ((await listCredentialsOf(tx, id)).length >= mostCredentials) {
      throw new Conflict(
        'two_credentials',
        'Two credentials are live already. End one of them first.',
      );
    }
    return makeCredential(tx, doer, id);
  });

/** Call it in the transaction that holds the gateway. */
async function makeCredential(tx: Db, doer: Doer, id: string): Promise<MadeCredential> {
  const credential = newCredential();
  const lastFour = credential.slice(-4);
  const kept = { digest: digest(credential), lastFour, createdBy: creatorOf(doer) };
  await insertCredential(tx, { gatewayId: id, ...kept });
  await recordAct(tx, {
    ...doer,
    action: 'gateway.credential_made',
    subject: { kind: 'gateway', id },
    detail: { ending: lastFour },
  });
  return { credential, lastFour };
}

/**
 * Ends a credential now.
 * @throws {NotFound} `gateway_not_found`, or `credential_not_found` also where it has ended already.
 */
export const endGatewayCredential = (
  pool: pg.Pool,
  doer: Doer,
  { id, credentialId }: { id: string; credentialId: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    await holdGateway(tx, id);
    const ended = await endCredential(tx, { gatewayId: id, credentialId });
    if (!ended) {
      const message = 'There is no such credential, or it has ended.';
      throw new NotFound('credential_not_found', message);
    }
    await recordAct(tx, {
      ...doer,
      action: 'gateway.credential_ended',
      subject: { kind: 'gateway', id },
      detail: { ending: ended.lastFour },
    });
  });

/** With its credentials: from now on it is answered nothing. @throws {NotFound} `gateway_not_found` */
export const removeGateway = (pool: pg.Pool, doer: Doer, id: string): Promise<void> =>
  transaction(pool, async (tx) => {
    const { name } = await holdGateway(tx, id);
    await deleteGateway(tx, id);
    const subject = { kind: 'gateway', id } as const;
    await recordAct(tx, { ...doer, action: 'gateway.removed', subject, detail: { name } });
  });

async function holdGateway(tx: Db, id: string): Promise<Gateway> {
  const gateway = await lockGateway(tx, id);
  if (gateway) return gateway;
  throw new NotFound('gateway_not_found', 'There is no such gateway.');
}

/** @throws {InvalidInput} */
async function checked(
  tx: Db,
  given: GatewayInput,
): Promise<{ name: string; baseUrlName: string | null }> {
  const name = given.name.trim();
  const baseUrlName = given.baseUrlName.trim() || null;
  const names = await listBaseUrlNames(tx);
  const errors = {
    ...(name === '' && { name: 'Fill this in.' }),
    ...(name.length > 80 && { name: 'Too long: use at most 80 characters.' }),
    ...(/[\p{Cc}\u2028\u2029]/u.test(name) && { name: 'Write it in one line.' }),
    ...(baseUrlName !== null &&
      !names.includes(baseUrlName) && { base_url_name: 'No API has a base URL of this name.' }),
  };
  if (Object.keys(errors).length > 0) throw new InvalidInput(errors);
  return { name, baseUrlName };
}

/** Beside its field. */
async function orNameTold<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Conflict) || error.code !== 'name_taken') throw error;
    throw new InvalidInput({ name: error.message });
  }
}

const creatorOf = ({ actor }: Doer): string | null => (actor.kind === 'account' ? actor.id : null);
