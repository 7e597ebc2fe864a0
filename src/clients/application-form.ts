import { z } from 'zod';
import type { GrantType } from '../products/product.ts';
import type { ApplicationInput, Offer } from './application.ts';
import { type AuthMethod, type Client, hasSecret } from './client.ts';
import { redirectPresets } from './redirect-uri.ts';

/**
 * The form of an application, for a team's own and for the programme's: what is ticked comes as
 * fields of its own, such as `for:sub_…` and `preset:Postman`.
 */
export const applicationFields = z
  .object({
    csrf: z.string().default(''),
    name: z.string().max(1000).default(''),
    proof: z.enum(['secret', 'key', 'none']).default('secret'),
    on_behalf: z.string().default(''),
    as_system: z.string().default(''),
    by_password: z.string().default(''),
    redirect_uris: z.string().default(''),
    post_logout_redirect_uris: z.string().default(''),
    allowed_origins: z.string().default(''),
    jwks: z.string().default(''),
    jwks_uri: z.string().max(2000).default(''),
    /** First-party clients only. */
    default_product: z.string().max(200).default(''),
  })
  .catchall(z.string());

export type TypedApplication = z.output<typeof applicationFields>;

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** What was ticked under that prefix. */
export const tickedOf = (typed: TypedApplication, prefix: 'for' | 'preset'): string[] =>
  Object.keys(typed)
    .filter((name) => name.startsWith(`${prefix}:`))
    .map((name) => name.slice(prefix.length + 1));

/** Tools whose addresses are always the same, and so can be ticked. */
export const tickedPresets = redirectPresets.filter(({ uris }) =>
  uris.every((uri) => !uri.includes('{')),
);

/**
 * @param offers what the chosen products allow: a refresh token comes along where one of them does.
 * @param before how it proved itself, so that one kind of secret does not become the other.
 */
export function readTyped(
  typed: TypedApplication,
  offers: readonly Offer[],
  before?: AuthMethod,
): ApplicationInput {
  const presets = tickedOf(typed, 'preset');
  const added = tickedPresets
    .filter(({ tool }) => presets.includes(tool))
    .flatMap((one) => one.uris);
  const secret = before && hasSecret(before) ? before : 'client_secret_basic';
  const authMethods = { secret, key: 'private_key_jwt', none: 'none' } as const;
  const key = typed.proof === 'key';
  return {
    name: typed.name,
    authMethod: authMethods[typed.proof],
    grantTypes: grantTypesOf(typed, offers),
    redirectUris: [...new Set([...linesOf(typed.redirect_uris), ...added])],
    postLogoutRedirectUris: linesOf(typed.post_logout_redirect_uris),
    allowedOrigins: linesOf(typed.allowed_origins),
    jwks: key ? typed.jwks : '',
    jwksUri: key ? typed.jwks_uri : '',
  };
}

function grantTypesOf(typed: TypedApplication, offers: readonly Offer[]): GrantType[] {
  const chosen: GrantType[] = [
    ...(typed.on_behalf ? ['authorization_code' as const] : []),
    ...(typed.as_system ? ['client_credentials' as const] : []),
    ...(typed.by_password ? ['password' as const] : []),
  ];
  const lasting =
    (typed.on_behalf || typed.by_password) &&
    offers.some(({ grantTypes }) => grantTypes.includes('refresh_token'));
  return lasting ? [...chosen, 'refresh_token'] : chosen;
}

/** The form as it stands for an application that exists. */
export function typedOf(client: Client, chosen: readonly string[]): TypedApplication {
  const { grantTypes, authMethod, jwks } = client;
  const ticked = (type: GrantType): string => (grantTypes.includes(type) ? 'yes' : '');
  const proof = hasSecret(authMethod) ? 'secret' : authMethod === 'none' ? 'none' : 'key';
  return {
    ...emptyForm(chosen),
    name: client.name,
    proof,
    on_behalf: ticked('authorization_code'),
    as_system: ticked('client_credentials'),
    by_password: ticked('password'),
    redirect_uris: client.redirectUris.join('\n'),
    post_logout_redirect_uris: client.postLogoutRedirectUris.join('\n'),
    allowed_origins: client.allowedOrigins.join('\n'),
    jwks: jwks ? JSON.stringify(jwks, null, 2) : '',
    jwks_uri: client.jwksUri ?? '',
  };
}

/** The form of a new one; with nothing chosen, or nothing else possible, on behalf of a user. */
export const emptyForm = (
  chosen: readonly string[],
  offers: readonly Offer[] = [],
): TypedApplication => ({
  ...applicationFields.parse({}),
  ...(offers.length > 0 &&
  offers.every(({ grantTypes }) => !grantTypes.includes('authorization_code'))
    ? { as_system: 'yes' }
    : { on_behalf: 'yes' }),
  ...Object.fromEntries(chosen.map((id) => [`for:${id}`, 'yes'])),
});
