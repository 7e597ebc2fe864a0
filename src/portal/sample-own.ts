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
  /** An application whose secret was shown to the team; null: it has none yet. */
  application: { id: string; name: string } | null;
};

/** A key that this one answer shows. */
export type RevealedKey = { subscriptionId: string; key: string };

/** The key is masked, and shows the last four characters, unless it was revealed. */
export async function ownValuesOf(
  db: Db,
  { environment }: Pick<Offer, 'environment'>,
  { subscriptionId }: Right,
  shown: RevealedKey | null,
): Promise<OwnValues> {
  const now = new Date();
  const keys = await listKeys(db, subscriptionId);
  const key = keys.find(({ expiresAt }) => expiresAt === null || expiresAt > now);
  const clients = await listClientsOf(db, subscriptionId);
  const application = clients.find(
    (one) => one.kind === 'application' && hasSecret(one.authMethod),
  );
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
    application: application ? { id: application.id, name: application.name } : null,
  };
}
