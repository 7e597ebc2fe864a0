import type { Environment } from '../base/environment.ts';
import { type Db, maybeOne } from '../db/pool.ts';
import type { Profile } from './profile.ts';

/** Whose, and where. */
type Place = { accountId: string; environment: Environment };

export const findAccountProfile = (db: Db, place: Place): Promise<Profile | undefined> =>
  maybeOne<Profile>(
    db,
    'select role, claims, patient from profiles where account_id = $1 and environment = $2',
    [place.accountId, place.environment],
  );

export const upsertAccountProfile = async (
  db: Db,
  place: Place,
  profile: Profile,
): Promise<void> => {
  await db.query(
    `insert into profiles (environment, account_id, role, claims, patient)
     values ($1, $2, $3, $4, $5)
     on conflict (account_id, environment) do update set
       role = excluded.role, claims = excluded.claims, patient = excluded.patient`,
    [place.environment, place.accountId, profile.role, profile.claims, profile.patient],
  );
};

export const deleteAccountProfile = async (db: Db, place: Place): Promise<void> => {
  await db.query('delete from profiles where account_id = $1 and environment = $2', [
    place.accountId,
    place.environment,
  ]);
};
