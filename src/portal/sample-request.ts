import type { GrantType } from '../products/product.ts';
import { type Offer, suffice } from './api-access.ts';
import type { Operation, Parameter } from './api-operation.ts';
import { codeOf, type Language, languages, type SampleRequest } from './sample-code.ts';

/** What stands in a sample in the place of what only its reader has. */
export type Filling = { clientId: string; clientSecret: string; key: string };

export const placeholders: Filling = {
  clientId: 'CLIENT_ID',
  clientSecret: 'CLIENT_SECRET',
  key: 'SUBSCRIPTION_KEY',
};

export type Sample = { language: Language; blocks: { title: string; code: string }[] };

type Given = {
  operation: Operation;
  /** What is called: a product's base URL. */
  offer: Offer;
  issuers: Readonly<Record<Offer['environment'], string>>;
  filling: Filling;
};

/** How to get a token and how to call, in every language. */
export function samplesOf(given: Given): Sample[] {
  const token = tokenRequestOf(given);
  const call = codeOf(callOf(given, token !== undefined));
  const first = token && codeOf(token);
  return languages.map(({ name }) => ({
    language: name,
    blocks: [
      ...(first ? [{ title: 'Get a token', code: first[name] }] : []),
      { title: 'Call the API', code: call[name] },
    ],
  }));
}

/** The grant that a sample shows: what a program does by itself comes before what needs a person. */
export const grantOf = ({ operation, offer }: Pick<Given, 'operation' | 'offer'>) =>
  (['client_credentials', 'password', 'authorization_code'] as const).find(
    (grant) => offer.grantTypes.includes(grant) && scopesFor(grant, operation, offer) !== undefined,
  );

/** What to ask for; undefined where this grant gives no token that would do. */
function scopesFor(grant: GrantType, { needs }: Operation, { scopes }: Offer): string | undefined {
  const usable = needs.filter((wanted) => suffice(scopes, [wanted]));
  const ofSystem = (wanted: readonly string[]): boolean =>
    wanted.some((scope) => scope.startsWith('system/'));
  const personal = (wanted: readonly string[]): boolean =>
    wanted.some((scope) => /^(user|patient)\//.test(scope));
  const fitting = usable.filter((wanted) =>
    grant === 'client_credentials' ? !personal(wanted) : !ofSystem(wanted),
  );
  return fitting[0]?.join(' ');
}

/** By the document, unless the product asks for a key alone. */
export const needsToken = ({ operation, offer }: Pick<Given, 'operation' | 'offer'>): boolean =>
  operation.needs.length > 0 && offer.credentials !== 'key';

function tokenRequestOf(given: Given): SampleRequest | undefined {
  const { operation, offer, issuers, filling } = given;
  if (!needsToken(given)) return undefined;
  const grant = grantOf(given) ?? 'authorization_code';
  const scope = scopesFor(grant, operation, offer);
  const fields = {
    grant_type: grant,
    client_id: filling.clientId,
    client_secret: filling.clientSecret,
    ...(grant === 'password' && { username: 'USERNAME', password: 'PASSWORD' }),
    ...(grant === 'authorization_code'
      ? { code: 'CODE', code_verifier: 'CODE_VERIFIER', redirect_uri: 'REDIRECT_URI' }
      : scope && { scope }),
  };
  return {
    method: 'POST',
    url: `${issuers[offer.environment]}/token`,
    headers: [{ name: 'Accept', value: 'application/json' }],
    form: Object.entries(fields).map(([name, value]) => ({ name, value })),
  };
}

function callOf(given: Given, withToken: boolean): SampleRequest {
  const { operation, offer, filling } = given;
  const [content] = operation.body?.contents ?? [];
  const text = content?.examples[0]?.text;
  const accept = operation.responses
    .filter(({ status }) => /^2/.test(status))
    .flatMap(({ contents }) => contents.map(({ mediaType }) => mediaType))[0];
  const headers = operation.parameters.filter((one) => one.in === 'header' && one.required);
  return {
    method: operation.method,
    url: `${offer.baseUrl}${pathOf(operation)}${queryOf(operation)}`,
    headers: [
      ...(withToken ? [{ name: 'Authorization', value: 'Bearer ACCESS_TOKEN' }] : []),
      ...(offer.credentials === 'token' ? [] : [{ name: offer.keyHeader, value: filling.key }]),
      ...(accept ? [{ name: 'Accept', value: accept }] : []),
      ...headers.map((one) => ({ name: one.name, value: one.example || namedBy(one) })),
    ],
    ...(content && text !== undefined && { body: { mediaType: content.mediaType, text } }),
  };
}

const pathOf = ({ path, parameters }: Operation): string =>
  path.replace(/\{([^{}]+)\}/g, (_whole, name: string) => {
    const parameter = parameters.find((one) => one.in === 'path' && one.name === name);
    return encodeURIComponent(unescaped(parameter?.example || name.toUpperCase()));
  });

/** Those that must be there; where none must, the first one with an example, to show how. */
function queryOf({ parameters }: Operation): string {
  const all = parameters.filter((one) => one.in === 'query');
  const required = all.filter((one) => one.required);
  const shown = required.length > 0 ? required : all.filter((one) => one.example).slice(0, 1);
  const parts = shown.map(
    (one) =>
      `${encodeURIComponent(one.name)}=${encodeURIComponent(unescaped(one.example || namedBy(one)))}`,
  );
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}

const namedBy = ({ name }: Parameter): string => name.toUpperCase().replace(/[^A-Z0-9]+/g, '_');

/** Some documents write their examples as they stand in an address. */
function unescaped(example: string): string {
  try {
    return /%[0-9A-Fa-f]{2}/.test(example) ? decodeURIComponent(example) : example;
  } catch {
    return example;
  }
}
