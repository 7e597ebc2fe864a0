import { digest, type Keyring, newId, newSecret } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import type { Subscription } from '../subscriptions/subscription.ts';
import { type Client, consoleCallbackPath } from './client.ts';
import {
  type ClientSecret,
  deleteOtherSecrets,
  findSealedSecret,
  insertSecret,
  listSecrets,
} from './secret-store.ts';
import { saveClientSubscriptions, upsertClient } from './store.ts';

const context = (secretId: string): string => `client_secrets.sealed ${secretId}`;

export const consoleClientId = (subscriptionId: string): string => `console_${subscriptionId}`;
export const testApplicationId = (subscriptionId: string): string => `test_${subscriptionId}`;

/**
 * The two clients of the console that come with every sandbox subscription: a public one for the
 * browser and a confidential one for the server's side. Call it in the transaction that makes the
 * subscription active; a second call makes nothing new.
 * @param baseUrl where this server is reached, without a slash at its end.
 */
export async function makeConsoleClients(
  tx: Db,
  keyring: Keyring,
  subscription: Pick<Subscription, 'id' | 'environment' | 'teamId' | 'productId'>,
  baseUrl: string,
): Promise<void> {
  if (subscription.environment !== 'sandbox') return;
  const both = {
    environment: subscription.environment,
    teamId: subscription.teamId,
    redirectUris: [`${baseUrl}${consoleCallbackPath}`],
    postLogoutRedirectUris: [],
    allowedOrigins: [],
    jwks: null,
    allowsOidc: true,
    defaultProductId: subscription.productId,
  };
  const inBrowser: Client = {
    ...both,
    id: consoleClientId(subscription.id),
    kind: 'console',
    name: 'Try it console',
    authMethod: 'none',
    grantTypes: ['authorization_code', 'refresh_token'],
  };
  const onServer: Client = {
    ...both,
    id: testApplicationId(subscription.id),
    kind: 'test_application',
    name: 'Test application',
    authMethod: 'client_secret_basic',
    grantTypes: ['client_credentials', 'password', 'authorization_code', 'refresh_token'],
  };
  for (const client of [inBrowser, onServer]) {
    await upsertClient(tx, client);
    await saveClientSubscriptions(tx, client, [subscription.id]);
  }
  await keptSecretOf(tx, keyring, onServer.id);
}

/** The secret that the server keeps for this client, so that it can use or show it; made once. */
export async function keptSecretOf(tx: Db, keyring: Keyring, clientId: string): Promise<string> {
  const kept = await findSealedSecret(tx, clientId);
  if (kept) return keyring.open(kept.sealed, context(kept.id));

  const id = newId();
  const secret = newSecret();
  const sealed = keyring.seal(secret, context(id));
  await insertSecret(tx, clientId, {
    id,
    digest: digest(secret),
    sealed,
    lastFour: secret.slice(-4),
  });
  return secret;
}

/** This secret from now on and no other; undefined: none at all. */
export async function setOnlySecret(
  tx: Db,
  clientId: string,
  secret: string | undefined,
): Promise<void> {
  const wanted = secret === undefined ? undefined : digest(secret);
  const before = await listSecrets(tx, clientId);
  const kept = before.filter((one: ClientSecret) => wanted?.equals(one.digest)).slice(0, 1);
  await deleteOtherSecrets(
    tx,
    clientId,
    kept.map(({ id }) => id),
  );
  if (wanted && kept.length === 0) {
    const lastFour = secret?.slice(-4) ?? '';
    await insertSecret(tx, clientId, { id: newId(), digest: wanted, sealed: null, lastFour });
  }
}
