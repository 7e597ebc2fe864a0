import { hash } from 'node:crypto';
import type pg from 'pg';
import type { Keyring } from '../base/secrets.ts';
import { within } from '../db/patience.ts';
import { environmentOfKey, looksLikeKey } from '../subscriptions/key.ts';
import { type HeldKey, type Holder, listHeldKeys, listHolders } from './catalogue-store.ts';
import { createRecent } from './recent.ts';
import { createSharedText } from './shared-text.ts';
import type { Told } from './told.ts';

export type Keys = {
  /** What a key of ours opens; undefined: nobody has it. A promise only where it must be read. */
  find(key: string): HeldKey | undefined | Promise<HeldKey | undefined>;
  /** The subscription of a token. */
  holder(subscriptionId: string): Promise<Holder | undefined>;
  /** Call it when a key may be there that was not. */
  forgetUnknown(): void;
};

type Parts = {
  pool: pg.Pool;
  keyring: Pick<Keyring, 'fingerprint'>;
  told: Told;
  /** Of the keys that are remembered, and of subscriptions. */
  most: number;
};

type Read<T> = { moment: number; value: T };

/** Of keys that nobody has: a caller can make up any number. */
const mostUnknown = 10_000;
/** Milliseconds that the database has. */
const patience = 700;

/** Keys and subscriptions, each read once until something is told of it. */
export function createKeys({ pool, keyring, told, most }: Parts): Keys {
  const known = createRecent<Read<HeldKey>>(most);
  const holders = createRecent<Read<Holder>>(most);
  const unknown = createRecent<number>(mostUnknown);
  const shared = createSharedText();
  let forgottenAt = 0;

  const compact = <T extends Holder>(value: T): T => ({
    ...value,
    subscriptionId: shared(value.subscriptionId),
    teamId: shared(value.teamId),
    productId: shared(value.productId),
    state: shared(value.state),
  });
  /** What holds now need not be asked for the same words again. */
  function holds(remembered: Read<Holder>): boolean {
    const { moment, value } = remembered;
    if (!told.holds(moment, `subscription:${value.subscriptionId}`)) return false;
    remembered.moment = told.moment();
    return true;
  }

  async function read(name: string, key: string): Promise<HeldKey | undefined> {
    const moment = told.moment();
    const forgotten = forgottenAt;
    const [value] = await within(patience, listHeldKeys(pool, keyring.fingerprint(key)));
    if (value?.environment !== environmentOfKey(key)) {
      known.delete(name);
      unknown.set(name, forgotten);
      return undefined;
    }
    known.set(name, { moment, value: compact(value) });
    return value;
  }

  return {
    find(key) {
      if (!looksLikeKey(key)) return undefined;
      const name = hash('sha256', key, 'base64'); // in memory only: it is quicker than the fingerprint
      const remembered = known.get(name);
      if (remembered && holds(remembered)) return remembered.value;
      return unknown.get(name) === forgottenAt ? undefined : read(name, key);
    },
    async holder(subscriptionId) {
      const remembered = holders.get(subscriptionId);
      if (remembered && holds(remembered)) return remembered.value;
      const moment = told.moment();
      const [value] = await within(patience, listHolders(pool, subscriptionId));
      if (value) holders.set(subscriptionId, { moment, value: compact(value) });
      return value;
    },
    forgetUnknown() {
      forgottenAt += 1;
    },
  };
}
