import { createFetchLine } from './fetch-line.ts';
import { type KeySet, usableKeys } from './keys.ts';
import { FetchFailed, fetchText } from './safe-fetch.ts';

/** The keys that stand at an address, as we know them now. */
export type RemoteKeys = {
  keys: KeySet['keys'];
  /** When they were fetched. Null: never yet. */
  at: Date | null;
  /** Why the last fetch failed; undefined: it did not. */
  fault: string | undefined;
};

/**
 * @param wanted.team whose application it is, null for the programme's: few are fetched for one at once.
 * @param wanted.kid the key that is looked for: where it is unknown we look again, though not often.
 */
export type KeysAt = (
  uri: string,
  wanted: { team: string | null; kid?: string | undefined },
) => Promise<RemoteKeys>;

/** Milliseconds. */
const ends = {
  /** So long after a key is taken away it may still be believed. */
  fresh: 5 * 60_000,
  /** Between two looks for a key that was not there. */
  again: 60_000,
  /** After a failure. */
  retry: 10_000,
  /** So long keys that were good outlive an address that fails. */
  stale: 15 * 60_000,
};
const mostAddresses = 1000;

type Kept = RemoteKeys & { triedAt: number; under?: Promise<Kept> | undefined };

/**
 * Fetches keys and keeps them shortly, in this process. However many ask at once, an address is
 * fetched by one of them; a failure is an answer, and never an error.
 */
export function createKeysAt(
  rules: { loopback: boolean },
  { now = Date.now, ends: given = ends }: { now?: () => number; ends?: typeof ends } = {},
): KeysAt {
  const known = new Map<string, Kept>();
  const inLine = createFetchLine();

  async function look(uri: string, team: string, before: Kept | undefined): Promise<Kept> {
    const triedAt = now();
    try {
      const keySet = usableKeys(await inLine(team, () => fetchText(uri, rules)));
      if (!keySet) throw new FetchFailed('What stands there is not a key set: {"keys": […]}.');
      const fault =
        keySet.keys.length === 0 ? 'There is no key there that can be used.' : undefined;
      return { keys: keySet.keys, at: new Date(triedAt), fault, triedAt };
    } catch (error) {
      const fault = error instanceof FetchFailed ? error.message : 'The keys could not be fetched.';
      const at = before?.at ?? null;
      const good = at !== null && triedAt - at.getTime() < given.stale;
      return { keys: good ? (before?.keys ?? []) : [], at, fault, triedAt };
    }
  }

  function isDue(kept: Kept, kid: string | undefined): boolean {
    const age = now() - kept.triedAt;
    if (kept.fault) return age >= given.retry;
    if (age >= given.fresh) return true;
    return kid !== undefined && age >= given.again && !kept.keys.some((key) => key.kid === kid);
  }

  return async (uri, { team, kid }) => {
    const kept = known.get(uri);
    if (kept?.under) return shown(await kept.under);
    if (kept && !isDue(kept, kid)) return shown(kept);
    const under = look(uri, team ?? 'programme', kept);
    known.set(uri, {
      ...(kept ?? { keys: [], at: null, fault: undefined, triedAt: now() }),
      under,
    });
    const fetched = await under;
    known.delete(uri); // to the end of the line
    known.set(uri, fetched);
    if (known.size > mostAddresses) known.delete(known.keys().next().value ?? '');
    return shown(fetched);
  };
}

const shown = ({ keys, at, fault }: Kept): RemoteKeys => ({ keys, at, fault });
