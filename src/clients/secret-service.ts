import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, NotFound } from '../base/errors.ts';
import { timeInWords } from '../base/in-words.ts';
import { digest, newId, newSecret } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { type Overlap, overlaps, overlapWords } from '../subscriptions/key.ts';
import { type Application, lockOwnApplication, type Owner } from './application-store.ts';
import { hasSecret } from './client.ts';
import { type ClientParts, tellTeam } from './letters.ts';
import { endSecretIn, insertSecret, listShownSecrets } from './secret-store.ts';

/** How many may be live at once: the one in use, and the one that takes its place. */
export const mostSecrets = 2;

/** A secret that is to be shown now and never again. */
export type MadeSecret = { secret: string; lastFour: string };

/**
 * Makes a secret beside those that are live, and tells the team. `old`: how long the one before it
 * lives on; `keep`: until somebody ends it.
 * @throws {NotFound} `client_not_found`
 * @throws {Conflict} `no_secret` for an application that proves itself otherwise; `two_secrets`
 *   while two are live.
 */
export const makeSecret = (
  parts: ClientParts,
  doer: Doer,
  { owner, clientId, old }: { owner: Owner; clientId: string; old: Overlap | 'keep' },
): Promise<MadeSecret> =>
  transaction(parts.pool, async (tx) => {
    const application = await holdApplication(tx, { owner, id: clientId });
    if (!hasSecret(application.authMethod)) {
      throw new Conflict(
        'no_secret',
        'This application has no secret: it proves itself otherwise.',
      );
    }
    const live = await listShownSecrets(tx, clientId);
    if (live.length >= mostSecrets) {
      throw new Conflict('two_secrets', 'Two secrets are live already. End one of them first.');
    }
    const [before] = live;
    const ends =
      before && old !== 'keep'
        ? await endSecretIn(tx, { clientId, secretId: before.id, overlap: overlaps[old] })
        : undefined;
    const made = await addSecret(tx, doer, application);
    const oldOne = ends && before ? ` ${endOf(before.lastFour, old, ends)}` : '';
    await tellTeam(tx, parts, doer, application, {
      deed: `has made a new secret, ending ${made.lastFour}, for`,
      next: `Whatever of yours uses the application can take it now.${oldOne}`,
    });
    return made;
  });

/** Never "Today": a letter is read on another day. */
const endOf = (lastFour: string, old: string, ends: Date): string => {
  const which = lastFour ? `The one ending ${lastFour}` : 'The one before it';
  return old === 'now'
    ? `${which} has ended.`
    : `${which} ends: ${timeInWords(ends, new Date(0))}.`;
};

/** Makes a secret, with its act. Call it in the transaction that holds the application. */
export async function addSecret(
  tx: Db,
  doer: Doer,
  { id, environment }: Pick<Application, 'id' | 'environment'>,
): Promise<MadeSecret> {
  const secret = newSecret();
  const lastFour = secret.slice(-4);
  const createdBy = doer.actor.kind === 'account' ? doer.actor.id : null;
  const row = { id: newId(), digest: digest(secret), sealed: null, lastFour, createdBy };
  await insertSecret(tx, id, row);
  await recordAct(tx, {
    ...doer,
    action: 'client.secret_made',
    subject: { kind: 'client', id },
    environment,
    detail: { ending: lastFour },
  });
  return { secret, lastFour };
}

/**
 * Ends a secret now, or at a time that is said now, and tells the team.
 * @throws {NotFound} `client_not_found`, or `secret_not_found` also where it has ended already.
 */
export const endSecret = (
  parts: ClientParts,
  doer: Doer,
  given: { owner: Owner; clientId: string; secretId: string; overlap: Overlap },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    const { owner, clientId, secretId, overlap } = given;
    const application = await holdApplication(tx, { owner, id: clientId });
    const secret = (await listShownSecrets(tx, clientId)).find(({ id }) => id === secretId);
    const end = { clientId, secretId, overlap: overlaps[overlap] };
    const ends = secret && (await endSecretIn(tx, end));
    if (!ends) throw new NotFound('secret_not_found', 'There is no such secret, or it has ended.');
    const { lastFour } = secret;
    await recordAct(tx, {
      ...doer,
      action: 'client.secret_ended',
      subject: { kind: 'client', id: clientId },
      environment: application.environment,
      detail: { ending: lastFour || 'unknown', when: overlapWords[overlap] },
    });
    await tellTeam(tx, parts, doer, application, {
      deed: lastFour ? `has ended the secret ending ${lastFour} of` : 'has ended a secret of',
      next:
        overlap === 'now'
          ? 'Whatever still uses that secret gets no more tokens.'
          : `It works until ${timeInWords(ends, new Date(0))}.`,
    });
  });

/** @throws {NotFound} `client_not_found` for what is not theirs, and what nobody may touch. */
export async function holdApplication(
  tx: Db,
  which: { owner: Owner; id: string },
): Promise<Application> {
  const application = await lockOwnApplication(tx, which);
  if (application) return application;
  throw new NotFound('client_not_found', 'There is no such application.');
}
