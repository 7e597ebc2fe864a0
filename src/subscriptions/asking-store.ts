import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';

/** A product as a team that asks for it finds it. */
export type Offer = {
  productId: string;
  productName: string;
  environment: Environment;
  /** Whether new subscriptions are taken: it is published, and nothing of it or the team is stopped. */
  open: boolean;
  /** The product is guarded, or an administrator has limited what this team had of it before. */
  needsApproval: boolean;
  /** To be accepted; null: there are no terms. */
  termsVersion: number | null;
  teamName: string;
  /** Requests of this team within the last hour that approvers were told of. */
  askedLately: number;
  /** What became active at once for this team within the last hour. */
  openedLately: number;
};

/**
 * Undefined where the team is not one of `owner` (an account's id or a team's), or may not see the
 * product. Until the transaction ends nobody changes it, as from open to guarded, or deletes the team.
 */
export const lockOffer = (
  db: Db,
  { owner, teamId, productId }: { owner: string; teamId: string; productId: string },
): Promise<Offer | undefined> =>
  maybeOne<Offer>(
    db,
    `select p.id as "productId", p.name as "productName", p.environment,
       p.state = 'published' and not exists (
         select from suspensions x where (x.kind, x.id) in
           (('product', p.id), ('team', t.id), ('environment', p.environment))) as open,
       p.needs_approval or coalesce((
         select s.next_waits from subscriptions s where s.team_id = t.id and s.product_id = p.id
         order by s.created_at desc, s.next_waits desc limit 1), false) as "needsApproval",
       case when p.terms <> '' then p.terms_version end as "termsVersion", t.name as "teamName",
       (select count(*)::int from subscriptions s
        where s.team_id = t.id and coalesce(s.decided_as, 'administrator') in ('administrator', 'client')
          and s.created_at > now() - interval '1 hour') as "askedLately",
       (select count(*)::int from subscriptions s
        where s.team_id = t.id and s.decided_as = 'open'
          and s.created_at > now() - interval '1 hour') as "openedLately"
     from products p, teams t
     where p.id = $3 and t.id = $2
       and (t.id = $1 or exists (
         select from team_members where team_id = t.id and account_id = $1))
       and p.state <> 'draft'
       and (p.visibility <> 'invited' or exists (
         select from product_invitations where product_id = p.id and team_id = t.id))
     for share of p for key share of t`,
    [owner, teamId, productId],
  );

/** Somebody to write to. */
export type Recipient = { name: string; email: string };

/** Who may decide about requests, by name. */
export const listApproversToTell = (db: Db): Promise<Recipient[]> =>
  many<Recipient>(
    db,
    `select name, email from accounts a
     where email_verified_at is not null and exists (
       select from account_roles where account_id = a.id and role in ('approver', 'owner'))
     order by name, id`,
  );

/**
 * Of a team, by name: `all` its members, or `those it concerns`, who are its owners and whoever
 * asked, as long as they belong to it. `except`: an account that knows already.
 */
export const listTeamToTell = (
  db: Db,
  given: { subscriptionId: string; whom: 'all' | 'those it concerns'; except?: string | null },
): Promise<Recipient[]> =>
  many<Recipient>(
    db,
    `select a.name, a.email from subscriptions s
     join team_members m on m.team_id = s.team_id
     join accounts a on a.id = m.account_id
     where s.id = $1 and a.email_verified_at is not null and a.id is distinct from $3
       and ($2 or m.role = 'owner' or a.id = s.requested_by)
     order by a.name, a.id`,
    [given.subscriptionId, given.whom === 'all', given.except ?? null],
  );

/** What letters call a subscription. */
export const findNames = (
  db: Db,
  subscriptionId: string,
): Promise<{ product: string; team: string } | undefined> =>
  maybeOne(
    db,
    `select p.name as product, t.name as team from subscriptions s
     join products p on p.id = s.product_id join teams t on t.id = s.team_id where s.id = $1`,
    [subscriptionId],
  );
