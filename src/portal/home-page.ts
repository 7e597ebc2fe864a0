import type { Account } from '../accounts/account.ts';
import { counted, dayInWords, listed, timeInWords } from '../base/in-words.ts';
import { listOwnApplications } from '../clients/application-store.ts';
import { onDay } from '../clients/words.ts';
import type { Db } from '../db/pool.ts';
import { stateWords } from '../subscriptions/words.ts';
import { listTeamsOf } from '../teams/store.ts';
import {
  countSubscriptions,
  type Filter,
  filters,
  findFirstProduct,
  type HomeSubscription,
  listHomeSubscriptions,
  listMatters,
  type Matter,
} from './home-store.ts';
import { clientInWords, isOver } from './subscription-page.ts';
import { limitsInWords } from './subscription-words.ts';

const pageLength = 20;
const applicationsShown = 5;

const filterWords: Readonly<Record<Filter, string>> = {
  all: 'All',
  active: 'Active',
  waiting: 'Waiting',
  suspended: 'Suspended',
  ended: 'Ended',
};

/** The page object of views/portal/home-new.ejs, or of home.ejs for whoever has had a subscription. */
export async function homePage(
  db: Db,
  { id: accountId, name }: Account,
  asked: { filter: Filter; before: string | null },
): Promise<{ view: string; page: object }> {
  const counts = await countSubscriptions(db, accountId);
  const teams = await listTeamsOf(db, accountId);
  const person = {
    firstName: name.split(/\s+/)[0] ?? name,
    teams: listed(teams.map((t) => t.name)),
  };
  if (counts.all === 0) {
    return {
      view: 'portal/home-new',
      page: { ...person, product: (await findFirstProduct(db)) ?? null },
    };
  }
  const found = await listHomeSubscriptions(db, { accountId, ...asked, limit: pageLength + 1 });
  const shown = found.slice(0, pageLength);
  const applications = await listOwnApplications(db, accountId, { limit: applicationsShown });
  return {
    view: 'portal/home',
    page: {
      ...person,
      severalTeams: teams.length > 1,
      matters: (await listMatters(db, accountId)).map(matterInWords),
      filters: filters
        .filter((one) => one !== 'suspended' || counts.suspended > 0)
        .map((one) => ({
          href: one === 'all' ? '/' : `/?state=${one}`,
          words: `${filterWords[one]} ${counts[one]}`,
          here: one === asked.filter,
        })),
      filter: asked.filter,
      subscriptions: shown.map(rowOf),
      newest: asked.before === null,
      older: found.length > pageLength ? (shown.at(-1)?.id ?? null) : null,
      applications: applications.slice(0, applicationsShown).map(clientInWords),
      moreApplications: applications.length > applicationsShown,
    },
  };
}

function rowOf(row: HomeSubscription) {
  const { state } = row;
  return {
    id: row.id,
    name: row.name,
    productName: row.productName === row.name ? null : row.productName,
    productId: row.productId,
    environment: row.environment,
    teamName: row.teamName,
    state,
    stateWords: stateWords[state],
    since: sinceOf(row),
    over: isOver(state),
    reason: state === 'rejected' || state === 'suspended' ? row.reason : '',
    decidedBy: row.decidedByName,
    keys: row.keys,
    applications: row.applications,
    calls: row.callsThisMonth > 0 ? counted(row.callsThisMonth, 'call') : null,
    used: row.lastUsedAt ? `Last used: ${timeInWords(row.lastUsedAt)}` : 'No key or secret yet',
    limits: limitsInWords([row.rate, row.quota]),
  };
}

function sinceOf({ state, createdAt, decidedAt, expiresAt }: HomeSubscription): string {
  if (state === 'submitted') return `asked ${onDay(createdAt)}`;
  if (state === 'active') return expiresAt ? `until ${dayInWords(expiresAt)}` : '';
  const ended = state === 'expired' ? (expiresAt ?? decidedAt) : decidedAt;
  return ended ? onDay(ended) : '';
}

/** What to do about it: the matter, more of it, and the way there. */
function matterInWords(matter: Matter): { what: string; more: string; href: string; go: string } {
  const { id, name, detail, at, productId } = matter;
  const page = `/subscriptions/${id}`;
  const keys = { href: `${page}#keys`, go: 'See its keys' };
  const said = detail && `“${detail}”`;
  switch (matter.kind) {
    case 'suspended':
      return { what: `${name} is suspended`, more: said, href: page, go: 'See what stopped' };
    case 'old_key':
      return {
        what: `Stop using the old ${detail} key of ${name}`,
        more: `It stops: ${timeInWords(at)}. Give the new one to whatever still sends it.`,
        ...keys,
      };
    case 'key':
      return { what: `The ${detail} key of ${name} ends`, more: `${timeInWords(at)}.`, ...keys };
    case 'secret':
      return {
        what: `Renew the secret of ${name}`,
        more: `It ends: ${timeInWords(at)}. Two can be live at once, so nothing stops.`,
        href: `/applications/${id}`,
        go: 'Make a second secret',
      };
    case 'ending':
      return {
        what: `${name} ends ${onDay(at)}`,
        more: 'Its keys and tokens stop then. Tell the programme if you need it for longer.',
        href: page,
        go: 'See the subscription',
      };
    case 'rejected':
      return {
        what: `${name} was rejected`,
        more: said,
        href: `/products/${productId}?${new URLSearchParams({ again: id })}#ask`,
        go: 'Ask again',
      };
    case 'leaving':
      return {
        what: `${name} goes away ${onDay(at)}`,
        more: 'The programme retires this product.',
        href: page,
        go: 'See what it says',
      };
    case 'waiting':
      return {
        what: `${name} waits for approval`,
        more: `You asked ${onDay(at)}. We write to you when it is decided.`,
        href: page,
        go: 'See your request',
      };
  }
}
