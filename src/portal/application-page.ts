import type pg from 'pg';
import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { NotFound } from '../base/errors.ts';
import { dayInWords } from '../base/in-words.ts';
import { emptyForm, type TypedApplication, typedOf } from '../clients/application-form.ts';
import {
  type Application,
  findOwnApplication,
  listOfferedSubscriptions,
  listOwnApplications,
  listTiedSubscriptions,
  type OfferedSubscription,
} from '../clients/application-store.ts';
import {
  type Choice,
  fieldNames,
  fieldsView,
  keysView,
  secretsView,
  stoppersOf,
} from '../clients/application-view.ts';
import { redirectUriWarnings } from '../clients/redirect-uri.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import { listShownSecrets } from '../clients/secret-store.ts';
import { secretInWords, tokensInWords } from '../clients/words.ts';
import type { Check } from '../oauth/assertion-check.ts';
import { oidcScopes } from '../oauth/client-metadata.ts';
import { stateWords } from '../subscriptions/words.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { doneWords, textOf } from './subscription-words.ts';

export type ApplicationPageParts = {
  pool: pg.Pool;
  baseUrl: string;
  keysAt: KeysAt;
};

const pageLength = 25;

const done: Readonly<Record<string, string>> = {
  made: 'Your application is made.',
  changed: 'Your changes are saved. They count from the next request on.',
  ended: 'The secret has ended.',
  ends: 'The secret ends at the time you chose.',
  deleted: 'The application is deleted, and what was given to it has ended.',
};

/** The page object of views/portal/applications.ejs. */
export async function applicationsPage(
  { pool }: ApplicationPageParts,
  owner: string,
  query: Record<string, unknown>,
): Promise<object> {
  const after = textOf(query.after) || undefined;
  const before = (!after && textOf(query.before)) || undefined;
  const rows = await listOwnApplications(pool, owner, { after, before, limit: pageLength });
  const more = rows.length > pageLength;
  const shown = before && more ? rows.slice(1) : rows.slice(0, pageLength);
  const teams = new Set(shown.map(({ teamId }) => teamId));
  return {
    done: doneWords(done, query.done),
    applications: shown.map((one) => ({
      ...one,
      teamName: teams.size > 1 ? one.teamName : '',
      products: one.products.join(', '),
      tokens: tokensInWords(one.grantTypes),
      secret: secretInWords(one),
    })),
    newer: (after || (before && more)) && shown[0] ? shown[0].id : null,
    older: (before || more) && shown.length > 0 ? (shown.at(-1)?.id ?? null) : null,
    mayMake: (await listOfferedSubscriptions(pool, owner)).length > 0,
  };
}

/** Subscriptions as the form offers them; the team's name only where there are several. */
export function choicesOf(offered: readonly OfferedSubscription[]): Choice[] {
  const several = new Set(offered.map(({ teamId }) => teamId)).size > 1;
  return offered.map((one) => ({
    id: one.id,
    label: one.name,
    hint: [
      several ? one.teamName : '',
      one.name === one.productName ? '' : one.productName,
      one.state === 'active' ? '' : (stateWords as Record<string, string>)[one.state],
    ]
      .filter((word) => word)
      .join(' · '),
    environment: one.environment,
  }));
}

/** The page object of views/portal/application-new.ejs. */
export async function newApplicationPage(
  { pool }: ApplicationPageParts,
  owner: string,
  given: { subscription?: string; typed?: TypedApplication; errors?: Record<string, string> },
): Promise<object> {
  const offered = await listOfferedSubscriptions(pool, owner);
  const only =
    offered.length === 1 ? offered : offered.filter(({ id }) => id === given.subscription);
  const typed =
    given.typed ??
    emptyForm(
      only.map(({ id }) => id),
      only,
    );
  return { ...fieldsView(typed, choicesOf(offered), given.errors), fieldNames };
}

/** The page object of views/portal/application-change.ejs. */
export async function changePage(
  { pool }: ApplicationPageParts,
  owner: string,
  application: Application,
  given: { typed?: TypedApplication; errors?: Record<string, string> } = {},
): Promise<object> {
  const tied = await listTiedSubscriptions(pool, application.id);
  const offered = (await listOfferedSubscriptions(pool, owner)).filter(
    (one) => one.teamId === application.teamId && one.environment === application.environment,
  );
  const all = new Map([...tied, ...offered].map((one) => [one.id, one]));
  const typed =
    given.typed ??
    typedOf(
      application,
      tied.map(({ id }) => id),
    );
  const { id, name } = application;
  return {
    id,
    title: name,
    ...fieldsView(typed, choicesOf([...all.values()]), given.errors),
    fieldNames,
  };
}

/** @throws {NotFound} `client_not_found` */
export async function ownApplication(
  { pool }: ApplicationPageParts,
  which: { owner: string; id: string },
): Promise<Application> {
  const application = await findOwnApplication(pool, which);
  if (application) return application;
  throw new NotFound('client_not_found', 'There is no such application.');
}

/** What has just happened, beside the application itself. */
type Moment = {
  done?: unknown;
  /** A secret that was just made: shown in this answer and nowhere else. */
  secret?: string;
  checks?: readonly Check[];
  problem?: string;
};

/** The page object of views/portal/application.ejs. */
export async function applicationPage(
  { pool, keysAt, baseUrl }: ApplicationPageParts,
  reader: string,
  application: Application,
  moment: Moment = {},
): Promise<object> {
  const { id, environment, grantTypes, redirectUris } = application;
  const [tied, secrets, acts, [stop], remote] = await Promise.all([
    listTiedSubscriptions(pool, id),
    listShownSecrets(pool, id),
    listActsAbout(pool, { kind: 'client', id }, { limit: 20 }),
    suspensionsOf(pool, stoppersOf(application)),
    application.jwksUri ? keysAt(application.jwksUri, { team: application.teamId }) : undefined,
  ]);
  const issuer = `${baseUrl}/${environment}`;
  const scopes = tied.flatMap((one) => one.scopes.map(({ scope }) => scope));
  const oidc =
    grantTypes.includes('authorization_code') && application.allowsOidc ? oidcScopes : [];
  return {
    id,
    at: `/applications/${id}`,
    name: application.name,
    environment,
    teamName: application.teamName ?? '',
    since: dayInWords(application.createdAt),
    by: application.createdByName ?? '',
    done: doneWords(done, moment.done),
    problem: moment.problem ?? null,
    stop: stop?.reason ?? null,
    tokens: tokensInWords(grantTypes),
    proof: proofs[application.authMethod],
    endpoints: {
      issuer,
      authorize: redirects(application) ? `${issuer}/auth` : '',
      token: `${issuer}/token`,
    },
    scope: [...new Set([...oidc, ...scopes])].join(' '),
    subscriptions: tied.map((one) => ({
      id: one.id,
      name: one.name,
      state: one.state,
      stateWords: (stateWords as Record<string, string>)[one.state],
      lacks: grantTypes.filter((type) => !one.grantTypes.includes(type)).length > 0,
    })),
    redirectUris,
    postLogoutRedirectUris: application.postLogoutRedirectUris,
    allowedOrigins: application.allowedOrigins,
    warnings: redirectUriWarnings(redirectUris, environment),
    made: moment.secret ?? null,
    secrets: secretsView(application, secrets),
    keys: keysView(application, remote),
    checks: moment.checks ?? null,
    history: historyOf(acts, reader),
  };
}

const redirects = ({ grantTypes }: Application): boolean =>
  grantTypes.includes('authorization_code');

const proofs = {
  client_secret_basic: 'with a secret',
  client_secret_post: 'with a secret',
  private_key_jwt: 'with a key of its own (private_key_jwt)',
  none: 'not at all: public, with PKCE',
} as const;
