-- What programs do by the management API: decisions of the programme's own clients, and writes that
-- come twice.

alter table subscriptions
  add column decided_by_client text references clients on delete set null,
  drop constraint subscriptions_decided_as_check,
  add constraint subscriptions_decided_as_check
    check (decided_as in ('open', 'administrator', 'client', 'programme'));
                                           -- `client`: a first-party one of live, for the operator

-- As in 0010, with a client's decision.
create or replace function guard_subscription() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (new.team_id, new.product_id, new.environment) is distinct from
       (old.team_id, old.product_id, old.environment) then
      raise exception 'a subscription keeps its team and its product'
        using errcode = 'check_violation', constraint = 'subscriptions_keeps_its_own';
    end if;
    if new.state = old.state then return new; end if;
    if not exists (select from subscription_moves
                   where from_state = old.state and to_state = new.state) then
      raise exception 'a subscription that is % cannot become %', old.state, new.state
        using errcode = 'check_violation', constraint = 'subscriptions_lawful_move';
    end if;
  end if;
  if new.state = 'active' then
    if tg_op = 'UPDATE' and old.state = 'suspended' and old.activated_at is null then
      raise exception 'a subscription that never was active cannot be resumed'
        using errcode = 'check_violation', constraint = 'subscriptions_decided';
    end if;
    if not (tg_op = 'UPDATE' and old.state = 'suspended') and not coalesce(
      case new.decided_as
        when 'open' then not (select needs_approval from products where id = new.product_id)
        when 'administrator' then exists (
          select from account_roles
          where account_id = new.decided_by and role in ('approver', 'owner'))
        when 'client' then exists (
          select from clients
          where id = new.decided_by_client and kind = 'first_party' and environment = 'live')
        when 'programme' then true
      end, false)
    then
      raise exception 'nobody with the right to it made this subscription active'
        using errcode = 'check_violation', constraint = 'subscriptions_decided';
    end if;
    new.activated_at = coalesce(case when tg_op = 'UPDATE' then old.activated_at end, now());
  elsif tg_op = 'INSERT' then
    new.activated_at = null;
  end if;
  return new;
end
$$;

-- As in 0017; a client decides for whoever registered it, so that nobody registers one to decide for
-- themselves.
create or replace function carry_what_was_decided() returns trigger language plpgsql as $$
declare
  waits boolean;
  decider text;
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
    decider = coalesce(new.decided_by,
      (select created_by from clients where id = new.decided_by_client));
    if decider is not null and is_own_request(new.team_id, new.requested_by, decider) then
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

-- What a write was answered, for a day: the same request with the same key is not done again. One that
-- was refused has done nothing, and is not here.
create table idempotent_writes (
  client_id   text not null references clients on delete cascade,
  key         bytea not null,               -- SHA-256 of the header `Idempotency-Key`
  fingerprint bytea not null,               -- keyed digest of the method, the address and the body
  sealed      bytea not null,               -- the answer, which may hold a new key or secret
  created_at  timestamptz not null default now(),
  primary key (client_id, key)
);
create index idempotent_writes_created on idempotent_writes (created_at);
