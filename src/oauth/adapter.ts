import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import {
  consumeRecord,
  deleteFamilyOf,
  deleteRecord,
  deleteRecordsOfGrant,
  findRecord,
  findRecordByUid,
  insertRecordOnce,
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
    return {
      upsert: (id, payload, expiresIn) =>
        kind === 'ReplayDetection'
          ? saveOnce(db, place(id), payload, expiresIn)
          : save(db, place(id), payload, expiresIn),
      find: async (id) => payloadOf(await findRecord(db, place(id)), id),
      findByUid: async (uid) =>
        payloadOf(await findRecordByUid(db, { environment, kind, uidKey: digest(uid) })),
      findByUserCode: async () => undefined, // the device flow is off
      async consume(id) {
        if (await consumeRecord(db, place(id))) return;
        await deleteFamilyOf(db, place(id)); // a second use: whoever holds the tokens may be a thief
        throw new errors.InvalidGrant('already used');
      },
      async destroy(id) {
        const deleted = await deleteRecord(db, place(id));
        if (deleted || kind !== 'Interaction') return;
        throw new errors.SessionNotFound('interaction session not found'); // another resume was first
      },
      revokeByGrantId: async (grantId) =>
        void (await deleteRecordsOfGrant(db, { environment, kind, grantKey: digest(grantId) })),
    };
  };

type Place = Parameters<typeof upsertRecord>[1];

async function save(db: Db, place: Place, payload: AdapterPayload, expiresIn?: number) {
  const { grantId, uid } = payload;
  await upsertRecord(db, place, {
    payload: withoutIds(payload),
    grantKey: grantId && place.kind !== 'Interaction' ? digest(grantId) : undefined,
    uidKey: uid && place.kind === 'Session' ? digest(uid) : undefined,
    expiresIn,
  });
}

/** A client assertion's `jti` (RFC 7523 section 3) counts once, also across instances. */
async function saveOnce(db: Db, place: Place, payload: AdapterPayload, expiresIn = 0) {
  if (await insertRecordOnce(db, place, { payload: withoutIds(payload), expiresIn })) return;
  throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
}

/** A token's id is its value, and an interaction remembers the session's cookie: neither is kept. */
function withoutIds(payload: AdapterPayload): object {
  const { jti: _value, session, ...kept } = payload;
  if (!session) return kept;
  const { cookie: _cookie, ...rest } = session as typeof session & { cookie?: string };
  return { ...kept, session: rest };
}

function payloadOf(record: StoredRecord | undefined, id?: string): AdapterPayload | undefined {
  if (!record) return undefined;
  return {
    ...record.payload,
    ...(id !== undefined && { jti: id }),
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
