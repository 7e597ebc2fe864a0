-- The life of a subscription, who sees which product, and the switch that stops things at once.

-- Who may see a product and ask for it, and how it ends.
alter table products
  add column visibility text not null default 'everybody'
    check (visibility in ('everybody', 'signed_in', 'invited')),
  add column retires_on date,                        -- announced: from that day on it opens nothing
  add column deprecation_notice text not null default '', -- to its subscribers
  add column terms_version integer not null default 1,    -- counts the texts of `terms`: see below
  add check (retires_on is null or state in ('deprecated', 'retired'));

create table product_invitations (
  product_id text not null references products on delete cascade,
  team_id    text not null references teams on delete cascade,
  primary key (product_id, team_id)
);

-- Whoever accepted terms accepted one text of them.
create function count_terms() returns trigger language plpgsql as $$
begin
  new.terms_version = old.terms_version + 1;
  return new;
end
$$;
create trigger products_terms before update on products
  for each row when (new.terms is distinct from old.terms) execute function count_terms();

alter table subscriptions
  add column scopes text[],                -- null: all of the product's; else what the approver left of them
  add column terms_version integer,        -- that was accepted
  add column terms_accepted_at timestamptz,
  add column decided_as text check (decided_as in ('open', 'administrator', 'programme')),
                                           -- by what right it became active: nobody had to decide, an
                                           -- administrator did, or the operator's programme file
  add column activated_at timestamptz,     -- the first time; null: never was
  add column warned_at timestamptz;        -- the team was told that it expires soon

update subscriptions set decided_as = 'programme', activated_at = coalesce(decided_at, created_at)
  where state in ('active', 'suspended');

-- One at a time: several would be a way around the product's limits, and around an approval.
create unique index subscriptions_open_key on subscriptions (team_id, product_id)
  where state in ('submitted', 'active', 'suspended');

-- Every lawful move, as in src/subscriptions/subscription.ts; a test compares the two.
create table subscription_moves (
  move       text not null,
  from_state text not null,
  to_state   text not null,
  primary key (from_state, to_state)
);
insert into subscription_moves (move, from_state, to_state) values
  ('approve', 'submitted', 'active'),
  ('reject', 'submitted', 'rejected'),
  ('suspend', 'active', 'suspended'),
  ('resume', 'suspended', 'active'),
  ('cancel', 'submitted', 'cancelled'),
  ('cancel', 'active', 'cancelled'),
  ('cancel', 'suspended', 'cancelled'),
  ('expire', 'active', 'expired'),
  ('expire', 'suspended', 'expired');

-- What no page, command or statement gets around: only lawful moves, never another team or product,
-- and a guarded product becomes active by somebody's decision only.
create function guard_subscription() returns trigger language plpgsql as $$
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
create trigger subscriptions_guarded before insert or update on subscriptions
  for each row execute function guard_subscription();

-- The kill switch. Not a column of what it stops, so that nothing which is deleted and made again
-- under the same id comes back by it.
create table suspensions (
  kind         text not null check (kind in ('client', 'team', 'product', 'environment')),
  id           text not null,
  reason       text not null check (reason <> ''),
  suspended_by text references accounts on delete set null,
  suspended_at timestamptz not null default now(),
  primary key (kind, id)
);
