import type { Environment } from '../base/environment.ts';
import { dayInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import type { AboutSubscription, Letter } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { findNames, listApproversToTell, listTeamToTell } from './asking-store.ts';
import { type Subscription, withoutUnseen } from './subscription.ts';

type Parts = {
  /** The public origin: every link is built from it and from nothing that a request says. */
  baseUrl: string;
};

/**
 * Tells every approver that a request waits, with the address of that request; answers how many.
 * Without the purpose: what a stranger wrote belongs on our page, not under our name in a letter.
 */
export async function tellApprovers(
  tx: Db,
  { baseUrl }: Parts,
  { id, environment }: Pick<Subscription, 'id' | 'environment'>,
  asked: { asker: string; team: string; product: string },
): Promise<number> {
  const approvers = await listApproversToTell(tx);
  const data = {
    asker: inOneLine(asked.asker),
    team: inOneLine(asked.team),
    product: inOneLine(asked.product),
    environment: placeOf(environment),
    link: `${baseUrl}/admin/approvals/${id}`,
  };
  for (const { name, email } of approvers) {
    const letter = { template: 'approval-requested', data: { ...data, name } } as const;
    await enqueueLetter(tx, { to: email, letter });
  }
  return approvers.length;
}

/** `letterOf` makes one letter of the words that all about a subscription share. */
export async function tellTeam(
  tx: Db,
  { baseUrl }: Parts,
  { id, environment }: Pick<Subscription, 'id' | 'environment'>,
  {
    whom = 'those it concerns',
    except = null,
    letterOf,
  }: {
    whom?: 'all' | 'those it concerns';
    /** An account that knows already. */
    except?: string | null;
    letterOf: (about: AboutSubscription) => Letter;
  },
): Promise<void> {
  const names = await findNames(tx, id);
  if (!names) return;
  const about = {
    product: inOneLine(names.product),
    team: inOneLine(names.team),
    environment: placeOf(environment),
    link: `${baseUrl}/subscriptions/${id}`,
  };
  for (const { name, email } of await listTeamToTell(tx, { subscriptionId: id, whom, except })) {
    await enqueueLetter(tx, { to: email, letter: letterOf({ ...about, name }) });
  }
}

/** As a letter takes it: a line break could end a header of a mail, and nothing turns our words around. */
export const inOneLine = (text: string): string =>
  withoutUnseen(text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ')).trim();

/** Empty for none. Never "Today": a letter is read on another day. */
export const dateInLetter = (time: Date | null): string =>
  time ? dayInWords(time, new Date(0)) : '';

const placeOf = (environment: Environment): string =>
  environment === 'live' ? 'live' : 'in the sandbox';
