import {
  type Adapter,
  type AdapterFactory,
  type AdapterPayload,
  errors,
  Provider,
} from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { sessionAdapter } from './session-records.ts';
import {
  consumeRecord,
  deleteFamilyOf,
  deleteRecord,
  deleteRecordsOfGrant,
  findRecord,
  findRecordByUid,
  insertRecordOnce,
  replaceRecord,
  type StoredRecord,
  upsertRecord,
} from './store.ts';

/** Looks up a client and describes it in the words of oidc-provider's client metadata. */
export type FindClientMetadata = (id: string) => Promise<AdapterPayload | undefined>;

/**
 * Keeps what oidc-provider stores, in one environment. Ids are kept as digests only, and single use
 * is a compare-and-set: the library itself looks first and marks afterwards, which two requests at
 * once would both pass. Clients are not stored here: they are computed by `findClientMetadata`.
 */
export const adapterFor =
  (db: Db, environment: Environment, findClientMetadata: FindClientMetadata): AdapterFactory =>
  (kind) => {
    if (kind === 'Client') return clientAdapter(findClientMetadata);
    const place = (id: string) => ({ environment, kind, key: digest(id) });
    const records: Adapter = {
      async upsert(id, payload, expiresIn) {
        if (kind === 'ReplayDetection') return saveOnce(db, place(id), payload, expiresIn);
        const row = rowOf(kind, id, payload, expiresIn);
        const rotated = kind === 'RefreshToken' ? takeRotated() : undefined;
        if (!rotated) return void (await upsertRecord(db, place(id), row));
        if (await replaceRecord(db, rotated, place(id), row)) return;
        await endFamily(db, rotated);
      },
      find: async (id) => payloadOf(await findRecord(db, place(id)), id),
      findByUid: async (uid) =>
        payloadOf(await findRecordByUid(db, { environment, kind, uidKey: digest(uid) })),
      findByUserCode: async () => undefined, // the device flow is off
      async consume(id) {
        if (kind === 'RefreshToken' && keepRotated(place(id))) return;
        if (await consumeRecord(db, place(id))) return;
        await endFamily(db, place(id));
      },
      async destroy(id) {
        const deleted = await deleteRecord(db, place(id));
        if (deleted || kind !== 'Interaction') return;
        throw new errors.SessionNotFound('interaction session not found'); // another resume was first
      },
      revokeByGrantId: async (grantId) =>
        void (await deleteRecordsOfGrant(db, { environment, kind, grantKey: digest(grantId) })),
    };
    return kind === 'Session' ? sessionAdapter(db, environment, records) : records;
  };

type Place = Parameters<typeof upsertRecord>[1];

function rowOf(kind: string, id: string, payload: AdapterPayload, expiresIn?: number) {
  const { grantId, uid } = payload;
  return {
    payload: withoutIds(payload, id),
    grantKey: grantId && kind !== 'Interaction' ? digest(grantId) : undefined,
    uidKey: uid && kind === 'Session' ? digest(uid) : undefined,
    expiresIn,
  };
}

/** A second use: whoever holds the tokens may be a thief. */
async function endFamily(db: Db, place: Place): Promise<never> {
  await deleteFamilyOf(db, place);
  throw new errors.InvalidGrant('already used');
}

/**
 * In a refresh the library marks the old token and then stores the new one. Here the mark waits for
 * the store, and one statement does both: had the store failed, the old token would be used up with
 * nothing to show for it, and its repetition would end the family.
 */
const rotating = new WeakMap<object, Place>();

function keepRotated(place: Place): boolean {
  const ctx = Provider.ctx;
  if (ctx?.oidc.route !== 'token') return false;
  rotating.set(ctx.oidc, place);
  return true;
}

function takeRotated(): Place | undefined {
  const oidc = Provider.ctx?.oidc;
  const place = oidc && rotating.get(oidc);
  if (oidc) rotating.delete(oidc);
  return place;
}

/** A client assertion's `jti` (RFC 7523 section 3) counts once, also across instances. */
async function saveOnce(db: Db, place: Place, payload: AdapterPayload, expiresIn = 0) {
  const { jti = '' } = payload;
  if (await insertRecordOnce(db, place, { payload: withoutIds(payload, jti), expiresIn })) return;
  throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
}

/** Stands where the id stood in the address that an interaction goes on to. */
const idHere = '{id}';

/** A token's id is its value, and an interaction remembers the session's cookie: neither is kept. */
function withoutIds(payload: AdapterPayload, id: string): object {
  const { jti: _value, session, returnTo, ...kept } = payload;
  const { cookie: _cookie, ...rest } = (session ?? {}) as typeof session & { cookie?: string };
  return {
    ...kept,
    ...(session && { session: rest }),
    ...(returnTo && { returnTo: returnTo.replace(id, idHere) }),
  };
}

function payloadOf(record: StoredRecord | undefined, id?: string): AdapterPayload | undefined {
  if (!record) return undefined;
  const { returnTo } = record.payload;
  return {
    ...record.payload,
    ...(id !== undefined && { jti: id }),
    ...(id !== undefined && returnTo && { returnTo: returnTo.replace(idHere, id) }),
    ...(record.consumedAt && { consumed: Math.floor(record.consumedAt.getTime() / 1000) }),
  };
}

function clientAdapter(find: FindClientMetadata): Adapter {
  const refuse = async () => {
    throw new Error('clients are kept by the clients room, not by oidc-provider');
  };
  return {
    find,
    upsert: refuse,
    destroy: refuse,
    consume: refuse,
    findByUid: refuse,
    findByUserCode: refuse,
    revokeByGrantId: refuse,
  };
}
