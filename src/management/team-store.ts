import { type Db, many } from '../db/pool.ts';
import type { Place } from './page.ts';
import { place, type Row, told } from './store.ts';

const item = `json_build_object('id', t.id, 'name', t.name,
  'people', (select count(*)::int from team_members where team_id = t.id),
  'suspended', exists (select from suspensions where kind = 'team' and id = t.id),
  'created_at', ${told('t.created_at')})`;

/** One team, or every one (null); oldest first; one more than `limit` where there are more. */
export const listTeams = (
  db: Db,
  { teamId, after, limit }: { teamId: string | null; after: Place | null; limit: number },
): Promise<Row[]> =>
  many<Row>(
    db,
    `select ${place('t.created_at')} as at, t.id, ${item} as item from teams t
     where ($1::text is null or t.id = $1)
       and ($2::timestamptz is null or (t.created_at, t.id) > ($2::timestamptz, $3))
     order by t.created_at, t.id limit $4 + 1`,
    [teamId, after?.[0] || null, after?.[1] ?? null, limit],
  );
