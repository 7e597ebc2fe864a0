import { InvalidInput } from '../base/errors.ts';
import type { GrantType } from '../products/product.ts';
import { type AuthMethod, type Client, hasSecret } from './client.ts';
import { jwksUriFault, readKeySet } from './keys.ts';
import { originFault, redirectUriFaults } from './redirect-uri.ts';

/** What people say of an application when they make or change it; a first-party one is no other. */
export type ApplicationInput = {
  name: string;
  authMethod: AuthMethod;
  grantTypes: readonly GrantType[];
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  allowedOrigins: readonly string[];
  /** A key set as it was pasted; empty: none. */
  jwks: string;
  /** Where the keys stand; empty: nowhere. */
  jwksUri: string;
};

export type ApplicationColumns = Pick<
  Client,
  | 'name'
  | 'authMethod'
  | 'grantTypes'
  | 'redirectUris'
  | 'postLogoutRedirectUris'
  | 'allowedOrigins'
  | 'jwks'
  | 'jwksUri'
>;

/** Products that it is made for, by subscriptions or by name. */
export type Offer = { productName: string; grantTypes: readonly GrantType[] };

export type Rules = {
  /** Whether keys may stand on this machine, without https: in development. */
  loopback: boolean;
};

const longestName = 80;
const mostAddresses = 50;
/** What ends a line or hides in one. */
const notInNames = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * The columns of a client that is good as a whole.
 * @param offers what the chosen products allow; it may have no grant that none of them allows.
 * @param also what is wrong with the choice itself, by its field; undefined: nothing.
 * @throws {InvalidInput} a sentence for each field of the form that needs another look.
 */
export function readApplication(
  input: ApplicationInput,
  offers: readonly Offer[],
  rules: Rules,
  also: Readonly<Record<string, string | undefined>> = {},
): ApplicationColumns {
  const name = input.name.trim();
  const keys = input.authMethod === 'private_key_jwt' ? keysOf(input, rules) : noKeys;
  const wrong = {
    ...also,
    name: nameFault(name),
    grant_types: grantFault(input, offers),
    redirect_uris: redirectFault(input),
    post_logout_redirect_uris: listFault(
      input.postLogoutRedirectUris,
      redirectUriFaults(input.postLogoutRedirectUris, input.authMethod),
    ),
    allowed_origins: listFault(
      input.allowedOrigins,
      input.allowedOrigins.flatMap((origin, at) => {
        const message = originFault(origin);
        return message ? [{ at, message }] : [];
      }),
    ),
    ...keys.wrong,
  };
  const faults = Object.entries(wrong).flatMap(([field, sentence]) =>
    sentence === undefined ? [] : [[field, sentence] as const],
  );
  if (faults.length > 0) throw new InvalidInput(Object.fromEntries(faults));
  return {
    name,
    authMethod: input.authMethod,
    grantTypes: [...new Set(input.grantTypes)],
    redirectUris: [...input.redirectUris],
    postLogoutRedirectUris: [...input.postLogoutRedirectUris],
    allowedOrigins: [...new Set(input.allowedOrigins)],
    jwks: keys.jwks,
    jwksUri: keys.jwksUri,
  };
}

function nameFault(name: string): string | undefined {
  if (name === '') return 'Fill this in.';
  if ([...name].length > longestName) return `Too long: use at most ${longestName} characters.`;
  return notInNames.test(name) ? 'Write this in one line.' : undefined;
}

const grantWords: Readonly<Record<GrantType, string>> = {
  authorization_code: 'tokens on behalf of a user',
  client_credentials: 'tokens as a system',
  password: 'tokens with a test user’s password',
  refresh_token: 'refresh tokens',
};

function grantFault(
  { grantTypes, authMethod }: ApplicationInput,
  offers: readonly Offer[],
): string | undefined {
  if (grantTypes.length === 0) return 'Choose how it gets tokens.';
  const refused = grantTypes.find((type) => !offers.some((one) => one.grantTypes.includes(type)));
  if (refused && offers.length > 0) {
    const names = offers.map(({ productName }) => productName).join(' nor ');
    return `${offers.length > 1 ? 'Neither ' : ''}${names} ${offers.length > 1 ? 'gives' : 'gives no'} ${grantWords[refused]}.`;
  }
  if (authMethod === 'none' && grantTypes.includes('client_credentials')) {
    return 'As a system it has to prove who it is: choose a secret or a key (RFC 6749 section 4.4).';
  }
  const fresh = grantTypes.some((type) => type !== 'refresh_token');
  return fresh ? undefined : 'A refresh token comes with another token: choose how it gets that.';
}

function redirectFault({ redirectUris, grantTypes, authMethod }: ApplicationInput) {
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0) {
    return 'Write at least one: that is where people come back to.';
  }
  return listFault(redirectUris, redirectUriFaults(redirectUris, authMethod));
}

/** All faults in one sentence each, after the line that they are about. */
function listFault(
  lines: readonly string[],
  faults: readonly { at: number; message: string }[],
): string | undefined {
  if (lines.length > mostAddresses) return `Use at most ${mostAddresses}.`;
  const told = faults.map(({ at, message }) =>
    lines.length > 1 ? `Line ${at + 1}: ${message}` : message,
  );
  return told.length > 0 ? told.join(' ') : undefined;
}

type Keys = Pick<ApplicationColumns, 'jwks' | 'jwksUri'> & {
  wrong: { jwks?: string | undefined; jwks_uri?: string | undefined };
};
const noKeys: Keys = { jwks: null, jwksUri: null, wrong: {} };

function keysOf({ jwks, jwksUri }: ApplicationInput, rules: Rules): Keys {
  const [text, uri] = [jwks.trim(), jwksUri.trim()];
  if (text === '' && uri === '') {
    return { ...noKeys, wrong: { jwks: 'Paste its public keys, or say where they stand.' } };
  }
  if (text !== '' && uri !== '') {
    return { ...noKeys, wrong: { jwks: 'Paste the keys or say where they stand, not both.' } };
  }
  if (uri !== '') {
    return { jwks: null, jwksUri: uri, wrong: { jwks_uri: jwksUriFault(uri, rules) } };
  }
  const read = readKeySet(text);
  return 'fault' in read
    ? { ...noKeys, wrong: { jwks: read.fault } }
    : { jwks: read.keySet, jwksUri: null, wrong: {} };
}

/** What differs, in the words of the page: for the trail. */
export function changesBetween(before: Client, after: ApplicationColumns): string[] {
  const words: readonly [keyof ApplicationColumns, string][] = [
    ['name', 'name'],
    ['authMethod', 'how it proves itself'],
    ['grantTypes', 'how it gets tokens'],
    ['redirectUris', 'redirect URIs'],
    ['postLogoutRedirectUris', 'addresses after signing out'],
    ['allowedOrigins', 'allowed origins'],
    ['jwks', 'keys'],
    ['jwksUri', 'address of its keys'],
  ];
  const same = (field: keyof ApplicationColumns): boolean =>
    canonical(before[field]) === canonical(after[field]) ||
    (field === 'authMethod' && hasSecret(before.authMethod) && hasSecret(after.authMethod));
  return words.filter(([field]) => !same(field)).map(([, word]) => word);
}

/** As JSON with the members of objects in the order of their names, which PostgreSQL does not keep. */
const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
