import { hasSecret } from '../clients/client.ts';
import type { Db } from '../db/pool.ts';
import { prefixOf } from '../subscriptions/key.ts';
import { listKeys } from '../subscriptions/key-store.ts';
import type { Offer } from './api-access.ts';
import type { Right } from './api-right-store.ts';
import { type Filling, placeholders } from './sample-request.ts';
import { listClientsOf } from './subscription-store.ts';

/** What of the viewer's own is put into the samples. */
export type OwnValues = {
  filling: Filling;
  /** The primary one, to be revealed; null: it has ended. */
  keyId: string | null;
  revealed: boolean;
  /** The one that stands in the samples; null: the team has none yet. */
  application: Named | null;
  /** All those whose secret was shown to the team, once. */
  applications: Named[];
};

type Named = { id: string; name: string };

/** A key that this one answer shows. */
export type RevealedKey = { subscriptionId: string; key: string };

/**
 * The key is masked, and shows the last four characters, unless it was revealed.
 * @param chosen which application stands in the samples, where it is one of the subscription's.
 */
export async function ownValuesOf(
  db: Db,
  { environment }: Pick<Offer, 'environment'>,
  { subscriptionId }: Right,
  { shown, chosen }: { shown: RevealedKey | null; chosen: string | null },
): Promise<OwnValues> {
  const now = new Date();
  const keys = await listKeys(db, subscriptionId);
  const key = keys.find(({ expiresAt }) => expiresAt === null || expiresAt > now);
  const applications = (await listClientsOf(db, subscriptionId))
    .filter((one) => one.kind === 'application' && hasSecret(one.authMethod))
    .map(({ id, name }) => ({ id, name }));
  const application = applications.find(({ id }) => id === chosen) ?? applications[0] ?? null;
  const revealed = shown?.subscriptionId === subscriptionId ? shown.key : null;
  const masked = key ? `${prefixOf(environment)}••••${key.lastFour}` : placeholders.key;
  return {
    filling: {
      ...placeholders,
      clientId: application?.id ?? placeholders.clientId,
      key: revealed ?? masked,
    },
    keyId: key?.id ?? null,
    revealed: revealed !== null,
    application,
    applications,
  };
}
