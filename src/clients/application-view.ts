import { counted, dayInWords, timeInWords } from '../base/in-words.ts';
import type { Stopped } from '../suspensions/suspension.ts';
import type { ApplicationInput } from './application.ts';
import { type TypedApplication, tickedOf, tickedPresets } from './application-form.ts';
import { type Client, hasSecret } from './client.ts';
import type { RemoteKeys } from './remote-keys.ts';
import { mostSecrets } from './secret-service.ts';
import type { ShownSecret } from './secret-store.ts';

/** A box to tick in the form: a subscription, or a product for a first-party client. */
export type Choice = { id: string; label: string; hint: string; environment: string };

/** What views/portal/application-fields.ejs prints. */
export const fieldsView = (
  typed: TypedApplication,
  choices: readonly Choice[],
  errors: Readonly<Record<string, string>> = {},
) => {
  const chosen = tickedOf(typed, 'for');
  const presets = tickedOf(typed, 'preset');
  return {
    typed,
    errors,
    choices: choices.map((choice) => ({ ...choice, ticked: chosen.includes(choice.id) })),
    presets: tickedPresets.map(({ tool, uris }) => ({
      tool,
      uris,
      ticked: presets.includes(tool),
    })),
  };
};

/** What views/portal/application-secrets.ejs prints. */
export const secretsView = (
  client: Pick<Client, 'authMethod'>,
  secrets: readonly ShownSecret[],
) => ({
  has: hasSecret(client.authMethod),
  mayMake: secrets.length < mostSecrets,
  live: secrets.map((secret) => ({
    id: secret.id,
    name: secret.lastFour ? `ending ${secret.lastFour}` : '(ending not noted)',
    made: dayInWords(secret.createdAt).replace('Today', 'today'),
    by: secret.createdByName ?? '',
    used: secret.lastUsedAt ? timeInWords(secret.lastUsedAt).replace('Today', 'today') : '',
    ends: secret.expiresAt ? timeInWords(secret.expiresAt).replace('Today', 'today') : '',
  })),
});

/** What a page says of its keys; null: it proves itself otherwise. */
export function keysView(
  client: Pick<Client, 'authMethod' | 'jwks' | 'jwksUri'>,
  remote: RemoteKeys | undefined,
): { address: string; kids: string; fetched: string; fault: string } | null {
  if (client.authMethod !== 'private_key_jwt') return null;
  const keys = remote?.keys ?? ((client.jwks?.keys ?? []) as { kid?: string; kty?: string }[]);
  const names = keys.map(({ kid, kty }) => kid ?? `${kty}, without a kid`);
  return {
    address: client.jwksUri ?? '',
    kids: `${counted(keys.length, 'key')}${names.length > 0 ? `: ${names.join(', ')}` : ''}`,
    fetched: remote?.at ? timeInWords(remote.at).replace('Today', 'today') : '',
    fault: remote?.fault ?? '',
  };
}

/** What the fields of InvalidInput are called on the page, in its order. */
export const fieldNames: Readonly<Record<string, string>> = {
  subscriptions: 'For which subscriptions?',
  products: 'For which products?',
  default_product: 'Default product',
  name: 'Name',
  grant_types: 'How it gets tokens',
  auth_method: 'How it proves itself',
  proof: 'How it proves itself',
  jwks: 'Its public keys',
  jwks_uri: 'Where its keys stand',
  redirect_uris: 'Redirect URIs',
  post_logout_redirect_uris: 'Addresses after signing out',
  allowed_origins: 'Allowed origins',
} satisfies Record<string, string> & Partial<Record<keyof ApplicationInput, string>>;

/** What of it the kill switch may have stopped. */
export const stoppersOf = ({
  id,
  teamId,
  environment,
}: Pick<Client, 'id' | 'teamId' | 'environment'>): Stopped[] => [
  { kind: 'client', id },
  ...(teamId ? [{ kind: 'team' as const, id: teamId }] : []),
  { kind: 'environment', id: environment },
];
