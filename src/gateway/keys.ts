import type pg from 'pg';
import type { Keyring } from '../base/secrets.ts';
import { within } from '../db/patience.ts';
import { environmentOfKey, looksLikeKey } from '../subscriptions/key.ts';
import { type HeldKey, type Holder, listHeldKeys, listHolders } from './catalogue-store.ts';
import { createFinder, type Pending } from './pending.ts';
import { createRecent } from './recent.ts';
import { createSharedText } from './shared-text.ts';
import type { Told } from './told.ts';

export type Keys = {
  /**
   * What a key opens. Null: nobody has it, as of `asOf` or later. Undefined: nobody can, it is no key
   * of ours.
   */
  find(key: string, asOf: number): HeldKey | null | undefined | Pending;
  /** Now, for `find`: a call is refused by what was read after it came, whatever is told meanwhile. */
  asOf(): number;
  /** The subscription of a token. Null: it is gone. */
  holder(subscriptionId: string): Holder | null | Pending;
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

/**
 * Keys and subscriptions, each read once until something is told of it. A key is its own name here:
 * it is in memory anyway while its call is, and anything shorter would have to be reckoned each time.
 */
export function createKeys({ pool, keyring, told, most }: Parts): Keys {
  const known = createRecent<Read<HeldKey>>(most);
  const unknown = createRecent<number>(mostUnknown);
  const holders = createRecent<Read<Holder | null>>(most);
  const finder = createFinder();
  const shared = createSharedText();
  let forgottenAt = 0;

  const compact = <T extends Holder>(value: T): T => ({
    ...value,
    subscriptionId: shared(value.subscriptionId),
    teamId: shared(value.teamId),
    productId: shared(value.productId),
    state: shared(value.state),
    limitedAs: shared(value.limitedAs),
  });
  /** What holds now need not be asked for the same words again. */
  function holds(remembered: Read<unknown>, subscriptionId: string): boolean {
    const moment = told.moment();
    if (remembered.moment === moment) return true;
    if (!told.holds(remembered.moment, `subscription:${subscriptionId}`)) return false;
    remembered.moment = moment;
    return true;
  }

  async function readKey(given: string): Promise<void> {
    const key = copyOf(given);
    const moment = told.moment();
    const forgotten = forgottenAt;
    const [value] = await within(patience, listHeldKeys(pool, keyring.fingerprint(key)));
    if (value?.environment === environmentOfKey(key)) {
      known.set(key, { moment, value: compact(value) });
      return;
    }
    known.delete(key);
    unknown.set(key, forgotten);
  }

  async function readHolder(subscriptionId: string): Promise<void> {
    const moment = told.moment();
    const [value] = await within(patience, listHolders(pool, subscriptionId));
    holders.set(subscriptionId, { moment, value: value ? compact(value) : null });
  }

  return {
    find(key, asOf) {
      const remembered = known.get(key);
      if (remembered && holds(remembered, remembered.value.subscriptionId)) return remembered.value;
      if (!remembered && !looksLikeKey(key)) return undefined;
      return (unknown.get(key) ?? -1) >= asOf ? null : finder(key, () => readKey(key));
    },
    asOf: () => forgottenAt,
    holder(subscriptionId) {
      const remembered = holders.get(subscriptionId);
      if (remembered && holds(remembered, subscriptionId)) return remembered.value;
      return finder(subscriptionId, () => readHolder(subscriptionId));
    },
    forgetUnknown() {
      forgottenAt += 1;
    },
  };
}

/** A text that was cut out of an address keeps all of it in memory: of what is remembered, none may. */
const copyOf = (key: string): string => Buffer.from(key, 'latin1').toString('latin1');
