import { Conflict, Forbidden } from '../base/errors.ts';
import { breaks, type Db, maybeOne } from '../db/pool.ts';
import type { DecidedAs, State, Subscription } from './subscription.ts';

const columns = `id, team_id as "teamId", product_id as "productId", environment, name, state,
  purpose, reason, requested_by as "requestedBy", decided_by as "decidedBy",
  created_at as "createdAt", decided_at as "decidedAt", expires_at as "expiresAt", scopes,
  decided_as as "decidedAs", terms_version as "termsVersion", activated_at as "activatedAt"`;

/** `$2`: an account, for the teams it is a member of, or a team itself. */
const owned = `(team_id = $2 or exists (
  select from team_members m where m.team_id = subscriptions.team_id and m.account_id = $2))`;

export const findSubscription = (db: Db, id: string): Promise<Subscription | undefined> =>
  maybeOne<Subscription>(db, `select ${columns} from subscriptions where id = $1`, [id]);

/**
 * Until the transaction ends nobody deletes its team. Comes before the lock on the subscription, as
 * whoever deletes a team locks that first.
 */
export const holdTeamOf = async (db: Db, id: string): Promise<void> => {
  await db.query(
    `select from teams where id = (select team_id from subscriptions where id = $1) for key share`,
    [id],
  );
};

/** Until the transaction ends nobody else moves it. */
export const lockSubscription = (db: Db, id: string): Promise<Subscription | undefined> =>
  maybeOne(db, `select ${columns} from subscriptions where id = $1 for update`, [id]);

/** Of a team of `owner`, which is an account's id or a team's. */
export const lockOwnSubscription = (
  db: Db,
  { owner, id }: { owner: string; id: string },
): Promise<Subscription | undefined> =>
  maybeOne(db, `select ${columns} from subscriptions where id = $1 and ${owned} for update`, [
    id,
    owner,
  ]);

/**
 * A new one, as somebody asks for it.
 * @throws {Conflict} `already_subscribed` while the team has one of this product that is not over.
 */
export const insertSubscription = async (
  db: Db,
  row: {
    teamId: string;
    productId: string;
    name: string;
    state: 'submitted' | 'active';
    purpose: string;
    requestedBy: string | null;
    termsVersion: number | null;
  },
): Promise<Subscription> => {
  try {
    return (await maybeOne<Subscription>(
      db,
      `insert into subscriptions (team_id, product_id, environment, name, state, purpose,
         requested_by, terms_version, terms_accepted_at, decided_as)
       select $1, id, environment, $3, $4, $5, $6, $7, case when $7::int is not null then now() end,
         case when $4 = 'active' then 'open' end
       from products where id = $2
       returning ${columns}`,
      [
        row.teamId,
        row.productId,
        row.name,
        row.state,
        row.purpose,
        row.requestedBy,
        row.termsVersion,
      ],
    )) as Subscription; // the product is held by whoever asks
  } catch (cause) {
    throw conflictOf(cause);
  }
};

/**
 * To another state, with the reason and whoever decided; the old ones are in the trail.
 * `granted`: by what right, until when and which scopes, with an approval.
 * @throws {Conflict} `unlawful_move`, `not_decided` @throws {Forbidden} `own_request`, where the
 * database lets nobody by.
 */
export const saveMove = async (
  db: Db,
  row: {
    id: string;
    state: State;
    reason: string;
    decidedBy: string | null;
    decidedByClient: string | null;
    granted?: { decidedAs: DecidedAs; expiresAt: Date | null; scopes: string[] | null } | undefined;
  },
): Promise<Subscription> => {
  const { granted } = row;
  try {
    return (await maybeOne<Subscription>(
      db,
      `update subscriptions set state = $2, reason = $3, decided_by = $4, decided_at = now(),
         decided_as = case when $5 then $6 else decided_as end,
         expires_at = case when $5 then $7 else expires_at end,
         scopes = case when $5 then $8 else scopes end, decided_by_client = $9
       where id = $1 returning ${columns}`,
      [
        row.id,
        row.state,
        row.reason,
        row.decidedBy,
        granted !== undefined,
        granted?.decidedAs,
        granted?.expiresAt,
        granted?.scopes,
        row.decidedByClient,
      ],
    )) as Subscription; // its row is locked
  } catch (cause) {
    throw conflictOf(cause);
  }
};

/** What an error of the database means, where it is a refusal that the schema foresees. */
function conflictOf(cause: unknown): unknown {
  if (breaks(cause, 'subscriptions_open_key')) {
    return new Conflict(
      'already_subscribed',
      'Your team has a subscription to this product already, or asks for one.',
      { cause },
    );
  }
  if (breaks(cause, 'subscriptions_lawful_move')) {
    return new Conflict('unlawful_move', 'Somebody was faster: this has changed meanwhile.', {
      cause,
    });
  }
  if (breaks(cause, 'subscriptions_decided')) {
    return new Conflict(
      'not_decided',
      'This product has to be approved, by an administrator who may do so.',
      { cause },
    );
  }
  if (breaks(cause, 'subscriptions_four_eyes')) return ownRequest({ cause });
  return cause;
}

export const ownRequest = (options?: ErrorOptions): Forbidden =>
  new Forbidden(
    'own_request',
    'You asked for this, or are a member of this team. Another approver has to decide.',
    options,
  );

export const savePurpose = (
  db: Db,
  { id, purpose }: { id: string; purpose: string },
): Promise<unknown> =>
  db.query('update subscriptions set purpose = $2 where id = $1', [id, purpose]);

/** Whether a programme file that names a subscription moves it, or has moved it last. It resumes none. */
const lawfulMove = `exists (select from subscription_moves
  where from_state = s.state and to_state = excluded.state and move <> 'resume')`;
const ofTheFile = `(${lawfulMove} or s.decided_as is not distinct from 'programme')`;

/**
 * Made, or brought to this state where that is a lawful move, by its id; team and product of one that
 * exists are never changed, nor what an administrator has decided about it since.
 * Undefined when the product does not exist, or the id is another team's or product's.
 */
export const upsertSubscription = (
  db: Db,
  row: {
    id: string;
    teamId: string;
    productId: string;
    name: string;
    state: State;
    purpose: string;
    expiresAt: Date | null;
  },
): Promise<Subscription | undefined> =>
  maybeOne<Subscription>(
    db,
    `insert into subscriptions as s (id, team_id, product_id, environment, name, state, purpose,
       expires_at, decided_at, decided_as)
     select $1, $2, p.id, p.environment, $4, $5, $6, $7, case when $5 <> 'submitted' then now() end,
       'programme'
     from products p where p.id = $3
     on conflict (id) do update set name = excluded.name,
       state = case when ${lawfulMove} then excluded.state else s.state end,
       purpose = case when ${ofTheFile} then excluded.purpose else s.purpose end,
       expires_at = case when ${ofTheFile} then excluded.expires_at else s.expires_at end,
       decided_as = case when ${ofTheFile} then 'programme' else s.decided_as end,
       decided_at = case when ${lawfulMove} then excluded.decided_at else s.decided_at end
     where s.team_id = excluded.team_id and s.product_id = excluded.product_id
     returning ${columns}`,
    [row.id, row.teamId, row.productId, row.name, row.state, row.purpose, row.expiresAt],
  );
