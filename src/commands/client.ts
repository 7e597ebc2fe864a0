import { InvalidInput } from '../base/errors.ts';
import { deleteApplication } from '../clients/application-service.ts';
import { searchClients } from '../clients/application-store.ts';
import { type AuthMethod, authMethods } from '../clients/client.ts';
import { registerClient } from '../clients/first-party-service.ts';
import type { ClientParts } from '../clients/letters.ts';
import { makeSecret } from '../clients/secret-service.ts';
import { endClientAccess } from '../oauth/client-ending.ts';
import { type GrantType, grantTypes } from '../products/product.ts';
import { type Overlap, overlaps } from '../subscriptions/key.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';

const many = { type: 'string', multiple: true } as const;
const options = {
  id: { type: 'string' },
  product: many,
  'default-product': { type: 'string' },
  grant: many,
  auth: { type: 'string' },
  'redirect-uri': many,
  'allowed-origin': many,
  'jwks-uri': { type: 'string' },
  old: { type: 'string' },
} as const;
type Values = ReturnType<typeof argumentsOf<typeof options>>['values'];
type Deed = (parts: ClientParts, what: string, values: Values) => Promise<void>;

const doer = { actor: { kind: 'system' } } as const;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const list: Deed = async ({ pool }) => {
  let after: string | null = null;
  do {
    const limit = 100;
    const asked = { text: '', environment: null, kind: 'first_party', after, limit };
    const found = await searchClients(pool, asked);
    for (const one of found.slice(0, limit)) {
      say([one.id, one.environment, one.authMethod, one.grantTypes.join(','), one.name].join('\t'));
    }
    after = found.length > limit ? (found[limit - 1]?.id ?? null) : null;
  } while (after !== null);
};

const add: Deed = async (parts, name, values) => {
  const { id, secret } = await registerClient(parts, doer, {
    id: values.id,
    name,
    authMethod: oneOf<AuthMethod>('--auth', authMethods, values.auth ?? 'client_secret_basic'),
    grantTypes: (values.grant ?? []).map((one) => oneOf<GrantType>('--grant', grantTypes, one)),
    redirectUris: values['redirect-uri'] ?? [],
    postLogoutRedirectUris: [],
    allowedOrigins: values['allowed-origin'] ?? [],
    jwks: '',
    jwksUri: values['jwks-uri'] ?? '',
    productIds: values.product ?? [],
    defaultProductId: values['default-product'] ?? '',
  });
  say(`client_id ${id}`);
  if (secret) say(`client_secret ${secret.secret}`);
};

const renew: Deed = async (parts, clientId, values) => {
  const known = ['keep', ...Object.keys(overlaps)] as ('keep' | Overlap)[];
  const old = oneOf('--old', known, values.old ?? 'keep');
  const { secret } = await makeSecret(parts, doer, { owner: null, clientId, old });
  say(`client_secret ${secret}`);
};

const remove: Deed = async (parts, id) => {
  await deleteApplication({ ...parts, endClientAccess }, doer, { owner: null, id });
  say(`The client ${id} is removed.`);
};

/** By the word that is typed, with the options that it takes. */
const deeds: Readonly<Record<string, { work: Deed; takes: readonly (keyof Values)[] }>> = {
  list: { work: list, takes: [] },
  add: {
    work: add,
    takes: [
      'id',
      'product',
      'default-product',
      'grant',
      'auth',
      'redirect-uri',
      'allowed-origin',
      'jwks-uri',
    ],
  },
  secret: { work: renew, takes: ['old'] },
  remove: { work: remove, takes: [] },
};

/** The programme's own clients. A new secret is said once, on standard output, and nowhere else. */
export const clientCommand: Command = {
  usage: [
    ['client list', 'the programme’s own clients'],
    ['client add NAME --product ID --grant TYPE …', 'registers one and says its secret, once'],
    ['client secret ID [--old keep|now|1h|24h|7d]', 'makes another secret and says it, once'],
    ['client remove ID', 'ends it with everything that was given to it'],
  ],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, options);
    const [word = '', what = '', ...rest] = positionals;
    const deed = Object.hasOwn(deeds, word) ? deeds[word] : undefined;
    if (!deed || rest.length > 0 || (word === 'list') !== (what === '')) {
      throw new UsageError('Say list, or add, secret or remove and which client.');
    }
    const foreign = (Object.keys(values) as (keyof Values)[]).find(
      (one) => !deed.takes.includes(one),
    );
    if (foreign) throw new UsageError(`"client ${word}" takes no --${foreign}.`);
    const config = settings();
    await withResources(config, ({ pool }) =>
      deed.work({ pool, baseUrl: config.baseUrl }, what, values).catch(inWords),
    );
    return 0;
  },
};

/** @throws {UsageError} */
function oneOf<Word extends string>(option: string, known: readonly Word[], given: string): Word {
  const word = known.find((one) => one === given);
  if (word !== undefined) return word;
  throw new UsageError(`${option} is one of ${known.join(', ')}.`);
}

/** The names of the form's fields, as options. */
const optionNames: Readonly<Record<string, string>> = {
  name: 'NAME',
  products: '--product',
  grant_types: '--grant',
  redirect_uris: '--redirect-uri',
  allowed_origins: '--allowed-origin',
  jwks: '--jwks-uri',
  jwks_uri: '--jwks-uri',
  default_product: '--default-product',
  id: '--id',
};

function inWords(error: unknown): never {
  if (!(error instanceof InvalidInput)) throw error;
  const lines = Object.entries(error.fields).map(
    ([field, sentence]) => `${optionNames[field] ?? field}: ${sentence}`,
  );
  throw new UsageError(lines.join('\n'));
}
