-- What gateways ask us about: which credentials a product's calls need, what an API calls its key, the
-- gateways themselves, and word to every running instance when a right changes.

alter table products
  add column credentials text not null default 'key_and_token'
    check (credentials in ('key_and_token', 'key', 'token')),
  add column stale_seconds integer not null default 0   -- how long verify may decide without the database
    check (stale_seconds between 0 and 60),
  add column quota_status integer not null default 403 check (quota_status in (403, 429)),
  add column console_relay boolean not null default false, -- a live product whose APIs our console may call
  add column price_included_calls bigint check (price_included_calls >= 0), -- a month; null: no price
  add column price_per_thousand numeric(12, 4) check (price_per_thousand >= 0),
  add column price_currency text check (price_currency ~ '^[A-Z]{3}$'),     -- ISO 4217
  add check (num_nonnulls(price_included_calls, price_per_thousand, price_currency) in (0, 3));

alter table apis
  add column key_header text not null default 'Ocp-Apim-Subscription-Key'
    check (key_header ~ '^[A-Za-z0-9-]{1,64}$'),
  add column key_parameter text not null default 'subscription-key' -- of the query, where the header is absent
    check (key_parameter ~ '^[A-Za-z0-9_.-]{1,64}$'),
  add column cors boolean not null default true;        -- whether a browser's preflight passes

create table gateways (
  id            text primary key default 'gw_' || replace(gen_random_uuid()::text, '-', ''),
  name          text not null constraint gateways_name_key unique check (name <> ''),
  base_url_name text,                         -- the customer environment it stands before; null: all
  created_by    text references accounts on delete set null,
  created_at    timestamptz not null default now()
);

-- Two may be live at a time, so that one can be changed for the other without a gap.
create table gateway_credentials (
  id         text primary key default gen_random_uuid()::text,
  gateway_id text not null references gateways on delete cascade,
  digest     bytea not null constraint gateway_credentials_digest_key unique, -- SHA-256 of 256 random bits
  last_four  text not null,
  created_by text references accounts on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz                      -- null: until somebody ends it
);
create index gateway_credentials_gateway on gateway_credentials (gateway_id);

-- Every change that may take a right away is told on one channel when it is committed. What is told is
-- `catalogue`, or a kind and an id. An expiry that was written down beforehand needs no word.
create function tell_catalogue() returns trigger language plpgsql as $$
begin
  perform pg_notify('sandgate', 'catalogue');
  return null;
end $$;

-- tell_of(kind, column): the old row's and the new row's, or once where they are the same.
create function tell_of() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform pg_notify('sandgate', tg_argv[0] || ':' || (to_jsonb(old) ->> tg_argv[1]));
  end if;
  if tg_op <> 'DELETE' then
    perform pg_notify('sandgate', tg_argv[0] || ':' || (to_jsonb(new) ->> tg_argv[1]));
  end if;
  return null;
end $$;

do $$
declare
  kept text;
begin
  foreach kept in array array['products', 'product_apis', 'product_scopes', 'product_role_scopes', 'apis',
    'api_base_urls', 'api_versions', 'gateways', 'gateway_credentials', 'suspensions'] loop
    execute format('create trigger tells_catalogue after insert or update or delete on %I
      for each statement execute function tell_catalogue()', kept);
  end loop;
end $$;

create trigger tells_subscription after update of state, expires_at, scopes, product_id or delete
  on subscriptions for each row execute function tell_of('subscription', 'id');
create trigger tells_subscription
  after insert or update of expires_at, replaced_at, fingerprint or delete
  on subscription_keys for each row execute function tell_of('subscription', 'subscription_id');
create trigger tells_client after update or delete
  on clients for each row execute function tell_of('client', 'id');
create trigger tells_client after insert or update or delete
  on client_subscriptions for each row execute function tell_of('client', 'client_id');
create trigger tells_client after insert or update or delete
  on client_products for each row execute function tell_of('client', 'client_id');
create trigger tells_token after insert
  on revoked_tokens for each row execute function tell_of('token', 'jti');
create trigger tells_subject after update or delete
  on test_users for each row execute function tell_of('subject', 'id');
create trigger tells_subject after update or delete
  on accounts for each row execute function tell_of('subject', 'id');

create function tell_of_profile() returns trigger language plpgsql as $$
begin
  perform pg_notify('sandgate', 'subject:' || coalesce(old.account_id, old.test_user_id));
  return null;
end $$;
create trigger tells_subject after update or delete
  on profiles for each row execute function tell_of_profile();

-- A grant that ended before its time ends its tokens.
create function tell_of_grant() returns trigger language plpgsql as $$
begin
  perform pg_notify('sandgate', 'grant:' || encode(old.key, 'hex'));
  return null;
end $$;
create trigger tells_grant after update or delete on oidc_records
  for each row when (old.kind = 'Grant') execute function tell_of_grant();
