import { type Db, many } from '../db/pool.ts';
import { selectTestUsers } from '../test-users/store.ts';
import type { TestUser } from '../test-users/test-user.ts';
import type { Place } from './page.ts';

/** The shared ones and the team's own, by id; one more than `limit` where there are more. No team: none. */
export const listTestUsers = (
  db: Db,
  { teamId, after, limit }: { teamId: string; after: Place | null; limit: number },
): Promise<TestUser[]> =>
  many<TestUser>(
    db,
    `${selectTestUsers} where $1 <> '' and (t.team_id is null or t.team_id = $1)
       and ($2::text is null or t.id > $2)
     order by t.id limit $3 + 1`,
    [teamId, after?.[1] ?? null, limit],
  );
