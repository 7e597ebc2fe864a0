import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import type { Environment } from '../base/environment.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { newId } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { type ApplicationInput, changesBetween, readApplication } from './application.ts';
import {
  deleteClient,
  findStoppedOf,
  listOfferedSubscriptions,
  listTiedSubscriptions,
  lockCountOfTeam,
  type OfferedSubscription,
  saveMaker,
} from './application-store.ts';
import { type Client, hasSecret } from './client.ts';
import { type ClientParts, tellTeam } from './letters.ts';
import { addSecret, holdApplication, type MadeSecret } from './secret-service.ts';
import { setOnlySecret } from './service.ts';
import { saveClientSubscriptions, upsertClient } from './store.ts';

/** Ends codes, tokens and grants of a client; the protocol's, which lies above this room. */
export type EndClientAccess = (
  tx: Db,
  client: { environment: Environment; clientId: string },
) => Promise<void>;

type Given = ApplicationInput & { owner: string; subscriptionIds: readonly string[] };

/** In development keys may stand on this machine, without https. */
export const rulesOf = ({ baseUrl }: ClientParts) => ({ loopback: baseUrl.startsWith('http:') });

/**
 * A new application for these subscriptions, all of one team and environment. `secret`: to be shown
 * now and never again; null where it has none.
 * @throws {InvalidInput} by the fields of the form.
 * @throws {NotFound} `subscription_not_found` for one of another team, or one that is over;
 *   `team_not_found` for a team that is being deleted.
 * @throws {Conflict} `too_many_applications`
 */
export const makeApplication = (
  parts: ClientParts,
  doer: Doer,
  { owner, subscriptionIds, ...input }: Given,
): Promise<{ id: string; secret: MadeSecret | null }> =>
  transaction(parts.pool, async (tx) => {
    const offered = await listOfferedSubscriptions(tx, owner);
    const tied = chosen(offered, subscriptionIds);
    const also = { subscriptions: choiceFault(tied) };
    const columns = readApplication(input, tied, rulesOf(parts), also);
    const [first] = tied as [OfferedSubscription]; // choiceFault saw that there is one
    await keepRoom(tx, first.teamId);
    await refuseBesideStopped(tx, subscriptionIds);
    const client = await insertNew(tx, {
      ...columns,
      id: `app_${newId()}`,
      environment: first.environment,
      teamId: first.teamId,
      kind: 'application',
      allowsOidc: true,
      defaultProductId: null,
    });
    await saveMaker(tx, client.id, doer.actor.kind === 'account' ? doer.actor.id : null);
    await saveClientSubscriptions(tx, client, subscriptionIds);
    await recordClientAct(tx, doer, 'client.made', client, { name: client.name });
    if (!hasSecret(client.authMethod)) return { id: client.id, secret: null };
    const secret = await addSecret(tx, doer, client);
    const place = { ...client, teamName: first.teamName };
    const deed = `has made an application with a secret ending ${secret.lastFour}:`;
    await tellTeam(tx, parts, doer, place, { deed, next: 'It gets tokens by its subscriptions.' });
    return { id: client.id, secret };
  });

/**
 * Brings an application to what is given; its environment and team never change. One that proves
 * itself otherwise from now on loses its secrets.
 * @throws {InvalidInput} @throws {NotFound} `client_not_found`, `subscription_not_found`
 */
export const changeApplication = (
  parts: ClientParts,
  doer: Doer,
  { owner, subscriptionIds, id, ...input }: Given & { id: string },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const before = await holdApplication(tx, { owner, id });
    const tiedBefore = await listTiedSubscriptions(tx, id);
    const offered = await listOfferedSubscriptions(tx, owner);
    const known = new Map([...tiedBefore, ...offered].map((one) => [one.id, one]));
    const tied = chosen([...known.values()], subscriptionIds);
    const elsewhere = tied.some(
      (one) => one.environment !== before.environment || one.teamId !== before.teamId,
    );
    const also = { subscriptions: elsewhere ? keepsItsPlace : choiceFault(tied) };
    const columns = readApplication(input, tied, rulesOf(parts), also);
    await refuseMoves(tx, id, tiedBefore, tied);
    const changes = changesBetween(before, columns);
    const { createdAt: _, createdByName: __, teamName: ___, ...client } = before;
    await upsertClient(tx, { ...client, ...columns });
    await saveClientSubscriptions(tx, before, subscriptionIds);
    if (!hasSecret(columns.authMethod)) await setOnlySecret(tx, id, undefined);
    const ties = (list: readonly { id: string }[]) =>
      list
        .map((one) => one.id)
        .sort()
        .join();
    if (ties(tied) !== ties(tiedBefore)) changes.push('subscriptions');
    if (changes.length > 0) await recordClientAct(tx, doer, 'client.changed', before, { changes });
  });

/**
 * Ends an application with everything that was given to it, and tells the team.
 * @throws {NotFound} `client_not_found`
 * @throws {Conflict} `suspended`: made again it would be another, which nobody has stopped.
 */
export const deleteApplication = (
  parts: ClientParts & { endClientAccess: EndClientAccess },
  doer: Doer,
  which: { owner: string | null; id: string },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const application = await holdApplication(tx, which);
    const { id, environment, name } = application;
    if (await isStopped(tx, id)) {
      throw new Conflict(
        'suspended',
        'This application is suspended. It can be deleted once an administrator has lifted that.',
      );
    }
    await deleteClient(tx, id);
    await parts.endClientAccess(tx, { environment, clientId: id });
    await recordClientAct(tx, doer, 'client.deleted', application, { name });
    const next = 'Whatever used it gets no more tokens, and those it has count no more.';
    await tellTeam(tx, parts, doer, application, { deed: 'has deleted', next });
  });

/** So that no script fills the table; a team that needs more can delete some. */
export const mostPerTeam = 50;

/** @throws {Conflict} `too_many_applications` @throws {NotFound} `team_not_found` */
async function keepRoom(tx: Db, teamId: string): Promise<void> {
  const count = await lockCountOfTeam(tx, teamId);
  if (count === undefined) throw new NotFound('team_not_found', 'There is no such team.');
  if (count < mostPerTeam) return;
  const sentence = `A team can have ${mostPerTeam} applications. Delete one that you no longer use.`;
  throw new Conflict('too_many_applications', sentence);
}

const isStopped = async (tx: Db, id: string): Promise<boolean> =>
  (await suspensionsOf(tx, [{ kind: 'client', id }])).length > 0;

/** Or what was stopped would go on under another id. @throws {InvalidInput} `subscriptions` */
async function refuseBesideStopped(tx: Db, subscriptionIds: readonly string[]): Promise<void> {
  const stopped = await findStoppedOf(tx, subscriptionIds);
  if (!stopped) return;
  throw new InvalidInput({
    subscriptions: `"${stopped.name}" is suspended: no other application can be made for its subscriptions until an administrator has lifted that.`,
  });
}

/** Neither does a stopped one leave its subscriptions, nor another come to them. @throws {InvalidInput} */
async function refuseMoves(
  tx: Db,
  id: string,
  before: readonly { id: string }[],
  after: readonly { id: string }[],
): Promise<void> {
  const added = after.filter((one) => !before.some((other) => other.id === one.id));
  const removed = before.some((one) => !after.some((other) => other.id === one.id));
  if (removed && (await isStopped(tx, id))) {
    throw new InvalidInput({
      subscriptions:
        'This application is suspended: it keeps its subscriptions until that is lifted.',
    });
  }
  await refuseBesideStopped(
    tx,
    added.map((one) => one.id),
  );
}

/** @throws {NotFound} `subscription_not_found` */
function chosen<One extends OfferedSubscription>(
  offered: readonly One[],
  ids: readonly string[],
): One[] {
  const tied = offered.filter(({ id }) => ids.includes(id));
  if (tied.length === new Set(ids).size) return tied;
  throw new NotFound('subscription_not_found', 'There is no such subscription, or it is over.');
}

const keepsItsPlace =
  'An application keeps its team and its environment: make another one for these.';

/** They must be of one team and one environment. */
function choiceFault(tied: readonly OfferedSubscription[]): string | undefined {
  if (tied.length === 0) return 'Choose at least one.';
  if (new Set(tied.map(({ environment }) => environment)).size > 1) {
    return 'Choose subscriptions of the sandbox or of live: an application never reaches both.';
  }
  const teams = new Set(tied.map(({ teamId }) => teamId));
  return teams.size > 1 ? 'Choose subscriptions of one team.' : undefined;
}

export async function insertNew(tx: Db, client: Client): Promise<Client> {
  const made = await upsertClient(tx, client);
  if (!made) throw new Error('an id that was just made is taken');
  return made;
}

export const recordClientAct = (
  tx: Db,
  doer: Doer,
  action: 'client.made' | 'client.changed' | 'client.deleted',
  { id, environment }: Pick<Client, 'id' | 'environment'>,
  detail: Record<string, string | readonly string[]>,
): Promise<void> =>
  recordAct(tx, { ...doer, action, subject: { kind: 'client', id }, environment, detail });
