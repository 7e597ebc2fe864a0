import { timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { type Reason, reasons } from './reason.ts';
import { type KeptRefusal, listKeptRefusals, type Place } from './report-refusal-store.ts';
import type { Owner } from './report-store.ts';

const listLength = 25;

/** Which check failed, and how to mend it; also for one that a newer version of us wrote down. */
export const explanationOf = (reason: string): { says: string; mend: string } =>
  Object.hasOwn(reasons, reason)
    ? reasons[reason as Reason]
    : { says: `Refused: ${reason}.`, mend: 'Ask the programme, and tell the request ID.' };

const notFound =
  'We know no refused call by this ID. Copy it whole, as it was answered; after 24 hours it is gone.';

/** The page object of views/usage/refusals.ejs; a request ID in the query is one that led nowhere. */
export async function refusalsPage(
  db: Db,
  asked: { path: string; owner: Owner; query: Readonly<Record<string, unknown>> },
): Promise<object> {
  const text = (name: string): string => {
    const value = asked.query[name];
    return typeof value === 'string' && value.length <= 300 ? value : '';
  };
  const subscriptionId = text('subscription') || null;
  const before = placeOf(text('before'));
  const found = await listKeptRefusals(db, {
    owner: asked.owner,
    subscriptionId,
    before,
    limit: listLength + 1,
  });
  const shown = found.slice(0, listLength);
  const last = found.length > listLength ? shown.at(-1) : undefined;
  const at = (more: Record<string, string>): string => {
    const query = new URLSearchParams({
      ...(subscriptionId && { subscription: subscriptionId }),
      ...more,
    }).toString();
    return query ? `${asked.path}?${query}` : asked.path;
  };
  const typed = text('request').trim();
  return {
    path: asked.path,
    typed,
    error: typed ? notFound : null,
    only: subscriptionId && (shown[0]?.subscriptionName ?? 'one subscription'),
    refusals: shown.map((one) => ({
      href: `${asked.path}/${encodeURIComponent(one.requestId)}`,
      requestId: one.requestId,
      at: one.at.toISOString(),
      when: timeInWords(one.at),
      call: one.operation || null,
      ...namesOf(one),
      status: one.status,
      says: explanationOf(one.reason).says,
      onlyHref: one.subscriptionId
        ? `${asked.path}?${new URLSearchParams({ subscription: one.subscriptionId })}`
        : null,
    })),
    newest: before ? at({}) : null,
    older: last ? at({ before: `${last.at.getTime()}.${last.requestId}` }) : null,
  };
}

/** `1764000000000.req_…` */
function placeOf(text: string): Place | null {
  const [, at, requestId] = /^(\d{1,15})\.(.{1,100})$/.exec(text) ?? [];
  return at && requestId ? { at: new Date(Number(at)), requestId } : null;
}

/** What the call named, as far as we know it. */
export const namesOf = (one: KeptRefusal) => ({
  api: one.apiName ?? (one.apiId || null),
  product: one.productName ?? (one.productId || null),
  subscription: one.subscriptionName ?? (one.subscriptionId || null),
  application: one.clientName ?? (one.clientId || null),
  team: one.teamName ?? (one.teamId || null),
  environment: one.environment || null,
});

/** What both faces' pages of one refused call say of it. */
export const refusalInWords = (one: KeptRefusal) => ({
  requestId: one.requestId,
  ...explanationOf(one.reason),
  reason: one.reason,
  detail: one.detail,
  status: one.status,
  when: timeInWords(one.at),
  at: one.at.toISOString(),
  call: one.operation || null,
  testUser: one.testUser,
  ...namesOf(one),
});
