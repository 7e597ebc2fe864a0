import type { AdministratorRole } from '../accounts/account.ts';
import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';

/** One line of the list of people. */
export type PersonLine = {
  id: string;
  name: string;
  email: string;
  verified: boolean;
  createdAt: Date;
  roles: AdministratorRole[];
  teams: string[];
};

/** Newest first. `before`: the last id of the page above; `administrators`: those with a role only. */
export const listPeople = (
  db: Db,
  {
    before = null,
    administrators = false,
    limit,
  }: { before?: string | null; administrators?: boolean; limit: number },
): Promise<PersonLine[]> =>
  many<PersonLine>(
    db,
    `select a.id, a.name, a.email, a.email_verified_at is not null as verified,
       a.created_at as "createdAt",
       array(select role from account_roles r where r.account_id = a.id order by role) as roles,
       array(select t.name from team_members m join teams t on t.id = m.team_id
             where m.account_id = a.id order by m.joined_at, t.id) as teams
     from accounts a
     where ($1::text is null
         or (a.created_at, a.id) < (select created_at, id from accounts where id = $1))
       and (not $2 or exists (select from account_roles r where r.account_id = a.id))
     order by a.created_at desc, a.id desc limit $3`,
    [before, administrators, limit],
  );

/** What products of that environment know as roles of their subjects. */
export const listSubjectRoles = async (db: Db, environment: Environment): Promise<string[]> => {
  const rows = await many<{ role: string }>(
    db,
    `select distinct rs.role from product_role_scopes rs join products p on p.id = rs.product_id
     where p.environment = $1 order by rs.role`,
    [environment],
  );
  return rows.map(({ role }) => role);
};
