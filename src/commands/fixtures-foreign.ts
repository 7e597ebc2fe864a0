import type { Db } from '../db/pool.ts';
import { listKeys } from '../subscriptions/key-store.ts';
import { clientIdOf, foreign, ownSubscription } from './fixtures-programme.ts';

/** A POST to something of `other_team`'s, by which `regular` must change nothing: 404. */
export type ForeignChange = {
  path: string;
  /** What to send beside `csrf`, whose value any form on a page of the account's own has. */
  form: Record<string, string>;
};

const team = `/teams/${foreign.team}`;
const subscription = `/subscriptions/${foreign.subscription}`;
const application = `/applications/${clientIdOf(foreign.client)}`;
const testUser = `/test-users/${foreign.testUser}`;
const approval = `/admin/approvals/${foreign.subscription}`;

/** Paths of every kind of thing that `other_team` has: `regular` gets 404, `other_team` 200. */
export const foreignObjects: readonly string[] = [
  team,
  `${team}/invite`,
  subscription,
  application,
  `${application}/change`,
  testUser,
];

export async function foreignChanges(db: Db): Promise<ForeignChange[]> {
  const key = (await listKeys(db, foreign.subscription))[0]?.id ?? '';
  const post = (path: string, form: Record<string, string> = {}): ForeignChange => ({ path, form });
  return [
    post(`${team}/name`, { name: 'Taken' }),
    post(`${team}/invite`, { email: 'regular@fixtures.example', role: 'owner' }),
    post(`${team}/delete`, { name: 'Other fixtures' }),
    post(`${subscription}/purpose`, { purpose: 'Taken' }),
    post(`${subscription}/cancel`),
    post(`${subscription}/keys/reveal`, { key }),
    post(`${subscription}/keys/regenerate`, { key, overlap: 'now' }),
    post(`${subscription}/keys/stop`, { key }),
    // another's key under a subscription of one's own
    post(`/subscriptions/${ownSubscription}/keys/reveal`, { key }),
    post(`${application}/secrets`, { old: 'now' }),
    post(`${application}/delete`),
    post(`${testUser}/behaviour`, { behaviour: 'none' }),
    post(`${testUser}/reset`),
    post(`${testUser}/delete`),
    post(`${approval}/approve`, { reason: 'Taken' }),
  ];
}
