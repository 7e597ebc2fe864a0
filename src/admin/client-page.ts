import type pg from 'pg';
import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { environments } from '../base/environment.ts';
import { NotFound } from '../base/errors.ts';
import { dayInWords } from '../base/in-words.ts';
import { emptyForm, type TypedApplication, typedOf } from '../clients/application-form.ts';
import {
  type Application,
  listTiedSubscriptions,
  searchClients,
} from '../clients/application-store.ts';
import {
  fieldNames,
  fieldsView,
  keysView,
  secretsView,
  stoppersOf,
} from '../clients/application-view.ts';
import { type ClientKind, clientKinds } from '../clients/client.ts';
import { findAnyClient, listOfferedProducts } from '../clients/first-party-store.ts';
import { redirectUriWarnings } from '../clients/redirect-uri.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import { listShownSecrets } from '../clients/secret-store.ts';
import { secretInWords, tokensInWords } from '../clients/words.ts';
import type { Check } from '../oauth/assertion-check.ts';
import { stateWords } from '../subscriptions/words.ts';
import { suspensionsOf } from '../suspensions/store.ts';

export type ClientPageParts = { pool: pg.Pool; baseUrl: string; keysAt: KeysAt };

const pageLength = 50;

const kindWords: Readonly<Record<ClientKind, string>> = {
  application: 'Application of a team',
  first_party: 'First-party',
  console: 'Console of a subscription',
  test_application: 'Test application of a subscription',
};

const done: Readonly<Record<string, string>> = {
  made: 'The client is registered.',
  changed: 'The changes are saved. They count from the next request on.',
  ended: 'The secret has ended.',
  ends: 'The secret ends at the time you chose.',
  deleted: 'The client is deleted, and what was given to it has ended.',
};

const said = (words: unknown): string | null =>
  (typeof words === 'string' && Object.hasOwn(done, words) && done[words]) || null;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const oneOf = (value: unknown, known: readonly string[]): string | null =>
  known.find((one) => one === value) ?? null;

/** The page object of views/admin/clients.ejs. */
export async function clientsPage(
  { pool }: ClientPageParts,
  query: Record<string, unknown>,
  mayRegister: boolean,
): Promise<object> {
  const text = textOf(query.q).trim().slice(0, 200).replaceAll('\0', '');
  const environment = oneOf(query.environment, environments);
  const kind = oneOf(query.kind, clientKinds);
  const after = textOf(query.after) || null;
  const found = await searchClients(pool, { text, environment, kind, after, limit: pageLength });
  const shown = found.slice(0, pageLength);
  const asked = {
    ...(text && { q: text }),
    ...(environment && { environment }),
    ...(kind && { kind }),
  };
  return {
    done: said(query.done),
    mayRegister,
    text,
    environment: environment ?? '',
    kind: kind ?? '',
    kinds: Object.entries(kindWords).map(([value, words]) => ({ value, words })),
    searched: Object.keys(asked).length > 0,
    clients: shown.map((one) => ({
      ...one,
      teamName: one.teamName ?? '',
      kind: kindWords[one.kind],
      products: one.products.join(', '),
      tokens: tokensInWords(one.grantTypes),
      secret: secretInWords(one),
    })),
    newest: after ? String(new URLSearchParams(asked)) : null,
    older:
      found.length > pageLength
        ? String(new URLSearchParams({ ...asked, after: shown.at(-1)?.id ?? '' }))
        : null,
  };
}

/** @throws {NotFound} `client_not_found` */
export async function anyClient({ pool }: ClientPageParts, id: string): Promise<Application> {
  const client = await findAnyClient(pool, id);
  if (client) return client;
  throw new NotFound('client_not_found', 'There is no such client.');
}

type Moment = {
  done?: unknown;
  secret?: string;
  checks?: readonly Check[];
  problem?: string;
};

/** The page object of views/admin/client.ejs. `may`: whether the reader may change first-party clients. */
export async function clientPage(
  { pool, keysAt, baseUrl }: ClientPageParts,
  client: Application,
  { reader, may }: { reader: string; may: boolean },
  moment: Moment = {},
): Promise<object> {
  const { id, environment, kind } = client;
  const [tied, products, secrets, acts, [stop], remote] = await Promise.all([
    listTiedSubscriptions(pool, id),
    listOfferedProducts(pool, id),
    listShownSecrets(pool, id),
    listActsAbout(pool, { kind: 'client', id }, { limit: 20 }),
    suspensionsOf(pool, stoppersOf(client)),
    client.jwksUri ? keysAt(client.jwksUri, { team: client.teamId }) : undefined,
  ]);
  return {
    id,
    at: `/admin/clients/${id}`,
    name: client.name,
    environment,
    kind: kindWords[kind],
    team: client.teamId ? { id: client.teamId, name: client.teamName ?? '' } : null,
    since: dayInWords(client.createdAt),
    by: client.createdByName ?? '',
    mayChange: may && kind === 'first_party',
    done: said(moment.done),
    problem: moment.problem ?? null,
    stop: stop?.reason ?? null,
    tokens: tokensInWords(client.grantTypes),
    authMethod: client.authMethod,
    issuer: `${baseUrl}/${environment}`,
    products: products
      .filter((one) => one.tied)
      .map((one) => ({ name: one.productName, isDefault: one.id === client.defaultProductId })),
    subscriptions: tied.map(({ id, name, state }) => ({
      ...{ id, name, state },
      stateWords: (stateWords as Record<string, string>)[state],
    })),
    redirectUris: client.redirectUris,
    warnings: redirectUriWarnings(client.redirectUris, environment),
    made: moment.secret ?? null,
    secrets: secretsView(client, secrets),
    keys: keysView(client, remote),
    checks: moment.checks ?? null,
    history: historyOf(acts, reader),
  };
}

/** The page object of views/admin/client-new.ejs and client-change.ejs. */
export async function clientFormPage(
  { pool }: ClientPageParts,
  client: Application | null,
  given: { typed?: TypedApplication; errors?: Record<string, string>; problem?: string } = {},
): Promise<object> {
  const offered = await listOfferedProducts(pool, client?.id ?? null);
  const shown = client ? offered.filter((one) => one.environment === client.environment) : offered;
  const tied = offered.filter((one) => one.tied).map(({ id }) => id);
  const fresh = client ? typedOf(client, tied) : emptyForm([]);
  const typed = given.typed ?? { ...fresh, default_product: client?.defaultProductId ?? '' };
  const choices = shown.map((one) => ({
    id: one.id,
    label: one.productName,
    hint: one.state === 'published' ? '' : one.state,
    environment: one.environment,
  }));
  const { id, name } = client ?? { id: null, name: null };
  return {
    id,
    title: name,
    ...fieldsView(typed, choices, given.errors),
    fieldNames,
    problem: given.problem ?? null,
  };
}
