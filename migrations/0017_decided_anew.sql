-- Nobody gets out of an administrator's decision by making everything anew, or by leaving the team.

-- Whether the next subscription of this team and product waits for an approver, an open product's
-- too: this one is suspended or has an end, was so when it was over, or comes after such a one and
-- was not approved. Written by the trigger below and by nothing else.
alter table subscriptions add column next_waits boolean not null default false;

update subscriptions s set next_waits = true
  where s.state = 'suspended'
     or (s.expires_at is not null and s.state in ('active', 'cancelled', 'expired'))
     or exists (select from audit
                where subject_kind = 'subscription' and subject_id = s.id
                  and action in ('subscription.cancelled', 'subscription.expired')
                  and detail ->> 'from' = 'suspended');

-- Whoever belongs to the team or asked for it themselves, while somebody else could decide.
create function is_own_request(team text, asker text, decider text) returns boolean
language sql stable as $$
  select (asker is not distinct from decider or exists (
      select from team_members where team_id = team and account_id = decider))
    and exists (
      select from account_roles r join accounts a on a.id = r.account_id
      where r.role in ('approver', 'owner') and a.email_verified_at is not null
        and a.id is distinct from asker
        and not exists (
          select from team_members m where m.team_id = team and m.account_id = a.id))
$$;

-- Runs before subscriptions_guarded, which comes later in the alphabet.
create function carry_what_was_decided() returns trigger language plpgsql as $$
declare waits boolean;
begin
  if tg_op = 'UPDATE' then
    waits = old.next_waits;
  else                                        -- held, so that nobody suspends it in between
    select next_waits into waits from subscriptions
      where team_id = new.team_id and product_id = new.product_id
      order by created_at desc, next_waits desc limit 1 for share;
  end if;
  if new.state = 'active' and (tg_op = 'INSERT' or old.state <> 'active') then
    if waits and new.decided_as is not distinct from 'open'
       and not (tg_op = 'UPDATE' and old.state = 'suspended') then
      raise exception 'this team has to be approved, although the product is open'
        using errcode = 'check_violation', constraint = 'subscriptions_decided';
    end if;
    if new.decided_by is not null
       and is_own_request(new.team_id, new.requested_by, new.decided_by) then
      raise exception 'nobody opens a product to themselves while others could'
        using errcode = 'check_violation', constraint = 'subscriptions_four_eyes';
    end if;
  end if;
  new.next_waits = case
    when new.state in ('active', 'suspended')
      then new.state = 'suspended' or new.expires_at is not null
    else coalesce(waits, false)
  end;
  return new;
end
$$;
create trigger subscriptions_carried before insert or update on subscriptions
  for each row execute function carry_what_was_decided();

-- What somebody invited goes with their account.
delete from team_invitations where invited_by is null;
alter table team_invitations
  alter column invited_by set not null,
  drop constraint team_invitations_invited_by_fkey,
  add foreign key (invited_by) references accounts on delete cascade;
