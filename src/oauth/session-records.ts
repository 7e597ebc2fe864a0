import { type Adapter, Provider } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { formerSessionId, keepSessionCookieBack, signedOutMeanwhile } from './library-seams.ts';
import { deleteSession, updateSession } from './session-store.ts';

/**
 * A session is loaded when its request begins and written back when it ends. One that was signed
 * out in between stays dead: what was loaded is only updated, never made again, and whoever wrote
 * it back hears that nobody is signed in. Its uid tells it, since its id changes at each sign-in.
 */
export function sessionAdapter(db: Db, environment: Environment, records: Adapter): Adapter {
  const lasting = (uid: string) => ({ environment, uidKey: digest(uid) });
  return {
    ...records,
    async find(id) {
      const found = await records.find(id);
      const oidc = Provider.ctx?.oidc;
      if (oidc && found?.uid) loaded.set(oidc, found.uid);
      return found;
    },
    async upsert(id, payload, expiresIn) {
      const { jti: _id, uid, ...kept } = payload;
      if (!uid || uid !== uidHere()) return records.upsert(id, payload, expiresIn);
      const former = formerSessionId();
      const key = digest(id);
      const row = { key, former: former ? digest(former) : null, payload: { ...kept, uid } };
      const updated = await updateSession(db, lasting(uid), { ...row, expiresIn });
      if (!updated) throw signedOutMeanwhile();
      if (!updated.key.equals(key)) keepSessionCookieBack(); // another request moved it, and its answer says where
    },
    async destroy(id) {
      if (id === formerSessionId()) return; // it goes with the row's move, or two requests could part them
      const uid = uidHere();
      if (uid) await deleteSession(db, lasting(uid));
      else await records.destroy(id);
    },
  };
}

/** The uid of the one session that a request under way has loaded. */
const loaded = new WeakMap<object, string>();

function uidHere(): string | undefined {
  const oidc = Provider.ctx?.oidc;
  return oidc && loaded.get(oidc);
}
