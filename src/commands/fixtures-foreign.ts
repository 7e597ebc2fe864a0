import type { Db } from '../db/pool.ts';
import { listKeys } from '../subscriptions/key-store.ts';
import { clientIdOf, foreign, ownSubscription } from './fixtures-programme.ts';

/** Something of `other_team`'s that `regular` must not be shown, changed by or told of: 404. */
export type ForeignObject = {
  kind: 'team' | 'subscription' | 'subscription_key' | 'application' | 'test_user' | 'approval';
  method: 'GET' | 'POST';
  /** A path. */
  url: string;
  /** What to send beside `csrf`, whose value any form on a page of the account's own has. */
  form?: Record<string, string>;
  /** Whose sign-in gets 404, by its name among the `users`. */
  as: 'regular';
  /** Whose it is: a GET gets 200 with that sign-in. Left out: nobody's among the `users`. */
  owner?: 'other_team';
};

/** The addresses of every kind of thing that a team has, to look at and to change. */
export async function foreignObjects(db: Db): Promise<ForeignObject[]> {
  const keys = await listKeys(db, foreign.subscription);
  const key = keys[0]?.id ?? '';
  const team = `/teams/${foreign.team}`;
  const subscription = `/subscriptions/${foreign.subscription}`;
  const application = `/applications/${clientIdOf(foreign.client)}`;
  const testUser = `/test-users/${foreign.testUser}`;
  const approval = `/admin/approvals/${foreign.subscription}`;

  const get = (kind: ForeignObject['kind'], url: string): ForeignObject => ({
    kind,
    method: 'GET',
    url,
    as: 'regular',
    ...(kind !== 'approval' && { owner: 'other_team' }),
  });
  const post = (kind: ForeignObject['kind'], url: string, form = {}): ForeignObject => ({
    ...get(kind, url),
    method: 'POST',
    form,
  });
  return [
    get('team', team),
    get('team', `${team}/invite`),
    post('team', `${team}/name`, { name: 'Taken' }),
    post('team', `${team}/invite`, { email: 'regular@fixtures.example', role: 'owner' }),
    post('team', `${team}/delete`, { name: 'Other fixtures' }),
    get('subscription', subscription),
    post('subscription', `${subscription}/purpose`, { purpose: 'Taken' }),
    post('subscription', `${subscription}/cancel`),
    post('subscription_key', `${subscription}/keys/reveal`, { key }),
    post('subscription_key', `${subscription}/keys/regenerate`, { key, overlap: 'now' }),
    post('subscription_key', `${subscription}/keys/stop`, { key }),
    // another's key under a subscription of one's own
    post('subscription_key', `/subscriptions/${ownSubscription}/keys/reveal`, { key }),
    get('application', application),
    get('application', `${application}/change`),
    post('application', `${application}/secrets`, { old: 'now' }),
    post('application', `${application}/delete`),
    get('test_user', testUser),
    post('test_user', `${testUser}/behaviour`, { behaviour: 'none' }),
    post('test_user', `${testUser}/reset`),
    post('test_user', `${testUser}/delete`),
    get('approval', approval),
    post('approval', `${approval}/approve`, { reason: 'Taken' }),
  ];
}
