-- What people and administrators did, and what failed. Only ever added to: src/audit/act.ts.
create table audit (
  id           bigint generated always as identity primary key,
  at           timestamptz not null default now(),
  actor_kind   text not null check (actor_kind in ('account', 'test_user', 'client', 'system', 'stranger')),
  actor_id     text,                          -- null: a stranger, or the system itself
  role         text,                          -- the administrator role that allowed it, where one did
  action       text not null check (action ~ '^[a-z_]+(\.[a-z_]+)*$'),
  subject_kind text,                          -- what it was done to, such as account, client, subscription
  subject_id   text,
  environment  text check (environment in ('sandbox', 'live')),
  address      text,                          -- the network address it came from
  request_id   text,
  reason       text,
  detail       jsonb not null default '{}',
  check ((actor_kind in ('system', 'stranger')) = (actor_id is null)),
  check ((subject_kind is null) = (subject_id is null))
);
create index audit_actor on audit (actor_id, id) where actor_id is not null;
create index audit_subject on audit (subject_id, subject_kind, id) where subject_id is not null;
create index audit_at on audit (at);

-- A guard against mistakes, not against whoever owns the database: two doors, each a function.
create function audit_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('sandgate.audit_door', true) = 'pseudonymise' then
    return new;
  end if;
  if tg_op = 'DELETE' and current_setting('sandgate.audit_door', true) = 'retention' then
    return old;
  end if;
  raise exception 'the audit trail is only ever added to' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_stays before update or delete on audit
  for each row execute function audit_stays();
create trigger audit_is_not_emptied before truncate on audit
  for each statement execute function audit_stays();

-- An account is deleted: what it did stays, under a name that leads to nobody. Answers how many rows.
create function pseudonymise_audit(account_id text, pseudonym text) returns bigint
language plpgsql set sandgate.audit_door = 'pseudonymise' as $$
declare touched bigint;
begin
  update audit set
    actor_id = case when actor_id = account_id then pseudonym else actor_id end,
    subject_id = case when subject_id = account_id then pseudonym else subject_id end,
    -- an administrator who acted on the account stays whole
    address = case when actor_id is null or actor_id = account_id then null else address end,
    reason = null,
    detail = '{}'
  where actor_id = account_id or subject_id = account_id;
  get diagnostics touched = row_count;
  return touched;
end $$;

-- Rows older than the programme keeps them. Answers how many went.
create function expire_audit(older_than timestamptz) returns bigint
language plpgsql set sandgate.audit_door = 'retention' as $$
declare gone bigint;
begin
  delete from audit where at < older_than;
  get diagnostics gone = row_count;
  return gone;
end $$;

-- Who is signed in on our hosted pages, in which browser. Its ends: src/accounts/session.ts.
create table account_sessions (
  id               text primary key,          -- SHA-256 of the cookie's value, base64url
  account_id       text not null references accounts on delete cascade,
  created_at       timestamptz not null default now(),
  seen_at          timestamptz not null default now(),
  authenticated_at timestamptz not null default now(), -- when the password was last given
  user_agent       text not null,
  address          text not null,
  label            text not null              -- what a person would call it, such as "Firefox on Linux"
);
create index account_sessions_account on account_sessions (account_id);
create index account_sessions_seen on account_sessions (seen_at);

-- Browsers that an account has signed in with, so that a letter goes out for a new one.
create table account_devices (
  account_id text not null references accounts on delete cascade,
  device     bytea not null,                  -- SHA-256 of the device cookie's value and the label
  seen_at    timestamptz not null default now(),
  primary key (account_id, device)
);
