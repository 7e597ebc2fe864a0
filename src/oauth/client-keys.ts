import { decodeProtectedHeader } from 'jose';
import { type ClientMetadata, Provider } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { looksLikeClientId } from '../clients/client.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import { noteSecretUse } from '../clients/secret-store.ts';
import { findClient } from '../clients/store.ts';
import { clientMetadata, type LiveSecret } from './client-metadata.ts';

type Parts = { pool: pg.Pool; environment: Environment; keysAt: KeysAt | undefined };

/**
 * A client in oidc-provider's words. Keys that stand at an address are fetched only for whoever is
 * about to prove itself by them.
 */
export async function findClientMetadata(
  { pool, environment, keysAt }: Parts,
  id: string,
): Promise<ClientMetadata | undefined> {
  const record = looksLikeClientId(id) ? await findClient(pool, environment, id) : undefined;
  if (!record?.jwksUri) return record && clientMetadata(record);
  const assertion = assertionInHand();
  const fetched =
    assertion && (await keysAt?.(record.jwksUri, { ...assertion, team: record.teamId }));
  return clientMetadata(record, fetched?.keys);
}

/** Which key the assertion in this request says it is signed with; the library looks up whom it speaks for. */
function assertionInHand(): { kid: string | undefined } | undefined {
  const assertion = Provider.ctx?.oidc.params?.client_assertion;
  if (typeof assertion !== 'string') return undefined;
  try {
    return { kid: decodeProtectedHeader(assertion).kid };
  } catch {
    return undefined; // no assertion: the library says so itself
  }
}

/**
 * Notes when a secret was last used, to the minute. Mostly without a query: the library keeps a
 * client, and so its secrets, while nothing of it changes.
 */
export function secretUses(pool: pg.Pool): (clientId: string, secret: LiveSecret) => Promise<void> {
  const noted = new WeakMap<LiveSecret, number>();
  return async (clientId, secret) => {
    if (Date.now() - (noted.get(secret) ?? 0) < 60_000) return;
    noted.set(secret, Date.now());
    await noteSecretUse(pool, clientId, Buffer.from(secret.digest, 'base64url'));
  };
}
