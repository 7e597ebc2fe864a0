import { z } from 'zod';
import { type Action, actions, type NamedAct } from '../audit/act.ts';
import type { TrailFilter } from '../audit/store.ts';
import { deedOf } from '../audit/words.ts';
import { csvLine } from '../base/csv.ts';

/** The filter that an address names; what makes no sense is left out. */
export function filterOf(query: Readonly<Record<string, unknown>>): TrailFilter {
  const text = (name: string): string | null => {
    const value = query[name];
    return typeof value === 'string' && value.trim() ? value.trim().slice(0, 300) : null;
  };
  const action = actions.find((one) => one === text('action')) ?? null;
  const day = text('day');
  return { actor: text('actor'), subject: text('subject'), action, day: isDay(day) ? day : null };
}

const isDay = (text: string | null): boolean => z.iso.date().safeParse(text).success; // JavaScript's own reading takes 31 February for 3 March

/** The same filter as an address has it; `more` beside it. */
export function queryOf(filter: TrailFilter, more: Record<string, string> = {}): string {
  const named = Object.entries({ ...filter, ...more }).flatMap(([name, value]) =>
    value ? [[name, value] as [string, string]] : [],
  );
  return named.length > 0 ? `?${new URLSearchParams(named)}` : '';
}

/** By the thing they are about, for a list to choose from. */
export const actionGroups = (): { thing: string; actions: { id: Action; words: string }[] }[] => {
  const things = new Map<string, Action[]>();
  for (const action of actions) {
    const thing = action.split('.')[0] ?? action;
    things.set(thing, [...(things.get(thing) ?? []), action]);
  }
  return [...things].map(([thing, own]) => ({
    thing: thing.replaceAll('_', ' '),
    actions: own.map((id) => ({ id, words: id })),
  }));
};

/** One act as a line of the trail. */
export function lineOf(act: NamedAct): object {
  const { actorKind, actorId, actorName, subjectKind, subjectId, subjectName } = act;
  return {
    id: act.id,
    at: act.at.toISOString(),
    when: act.at.toISOString().slice(0, 19).replace('T', ' '),
    deed: deedOf(act),
    action: act.action,
    actor: actorName ?? actorId ?? (actorKind === 'system' ? 'the system' : 'a stranger'),
    actorLink: actorKind === 'account' && actorName ? `/admin/people/${actorId}` : null,
    role: act.role,
    subject: subjectId && (subjectName ?? subjectId),
    subjectKind: subjectKind?.replaceAll('_', ' ') ?? null,
    subjectLink: subjectId && subjectName ? linkTo(subjectKind, subjectId) : null,
    environment: act.environment,
    address: act.address,
    requestId: act.requestId,
    reason: act.reason,
    detail: Object.entries(act.detail).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
  };
}

const homes: Readonly<Record<string, string>> = {
  account: '/admin/people',
  team: '/admin/teams',
  subscription: '/admin/approvals',
  client: '/admin/clients',
  product: '/admin/products',
  api: '/admin/apis',
  gateway: '/admin/gateways',
};
const linkTo = (kind: string | null, id: string): string | null =>
  kind && homes[kind] ? `${homes[kind]}/${id}` : null;

const columns = [
  'id',
  'at',
  'actorKind',
  'actorId',
  'role',
  'action',
  'subjectKind',
  'subjectId',
  'environment',
  'address',
  'requestId',
  'reason',
  'detail',
] as const satisfies readonly (keyof NamedAct)[];

export const trailHead = csvLine(columns);

export const trailLine = (act: NamedAct): string => csvLine(columns.map((column) => act[column]));
