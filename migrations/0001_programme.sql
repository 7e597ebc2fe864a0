-- People, teams, products, subscriptions, clients and test users. The words: docs/architecture.md.
-- Ids are opaque text, so that a nonsense id is "not found" and never a type error.
-- Whatever exists in one environment only carries `environment`, and composite foreign keys see to
-- it that nothing of the sandbox can ever be tied to anything live.

-- What the programme calls itself. One row.
create table programme (
  only_row boolean primary key default true check (only_row),
  name     text not null check (name <> '')
);

-- A person who signs in on our hosted pages.
create table accounts (
  id                text primary key default 'acc_' || replace(gen_random_uuid()::text, '-', '')
                    constraint accounts_id_form check (id like 'acc\_%'),
  email             text not null,
  name              text not null check (name <> ''),
  password_hash     text,                     -- argon2id with its parameters; null: cannot sign in by password
  email_verified_at timestamptz,              -- null: may do nothing but verify
  created_at        timestamptz not null default now()
);
create unique index accounts_email_key on accounts (lower(email));

-- What an administrator may do: src/accounts/account.ts.
create table account_roles (
  account_id text not null references accounts on delete cascade,
  role       text not null check (role in ('approver', 'publisher', 'support', 'auditor', 'owner')),
  primary key (account_id, role)
);

-- Owns subscriptions, clients and own test users; every account is born with a team of one.
create table teams (
  id         text primary key default 'team_' || replace(gen_random_uuid()::text, '-', ''),
  name       text not null check (name <> ''),
  created_at timestamptz not null default now()
);

create table team_members (
  team_id    text not null references teams on delete cascade,
  account_id text not null references accounts on delete cascade,
  role       text not null check (role in ('owner', 'member')),
  joined_at  timestamptz not null default now(),
  primary key (team_id, account_id)
);
create index team_members_account on team_members (account_id);

-- One OpenAPI document and its base URLs.
create table apis (
  id          text primary key,
  name        text not null check (name <> ''),
  version     text not null,
  description text not null default '',
  document    jsonb not null,
  created_at  timestamptz not null default now()
);

-- One per customer environment.
create table api_base_urls (
  api_id text not null references apis on delete cascade,
  name   text not null,
  url    text not null,
  primary key (api_id, name)
);

-- What one subscribes to.
create table products (
  id              text primary key,
  environment     text not null check (environment in ('sandbox', 'live')),
  name            text not null check (name <> ''),
  description     text not null default '',
  audience        text not null,              -- resource indicator (RFC 8707) and `aud`: an absolute URI
  subjects        text not null check (subjects in ('test_users', 'accounts', 'both')),
  needs_approval  boolean not null,
  grant_types     text[] not null check (grant_types <@
                    array['authorization_code', 'client_credentials', 'password', 'refresh_token']),
  signing_alg     text not null default 'RS256' check (signing_alg in ('RS256', 'ES256')),
  token_typ       text not null default 'at+jwt' check (token_typ in ('at+jwt', 'JWT')),
  rate_calls      integer check (rate_calls > 0),        -- null: no limit
  rate_seconds    integer check (rate_seconds > 0),
  quota_calls     integer check (quota_calls > 0),       -- null: no quota
  quota_seconds   integer check (quota_seconds > 0),
  price_note      text not null default '',
  terms           text not null default '',
  state           text not null default 'published'
                  check (state in ('draft', 'published', 'deprecated', 'retired')),
  created_at      timestamptz not null default now(),
  unique (id, environment),
  constraint products_audience_key unique (environment, audience),
  -- Test users exist in the sandbox only, and the password grant is for test users only.
  check (environment = 'sandbox' or (subjects = 'accounts' and not 'password' = any (grant_types))),
  check (subjects <> 'accounts' or not 'password' = any (grant_types)),
  check ((rate_calls is null) = (rate_seconds is null)),
  check ((quota_calls is null) = (quota_seconds is null))
);

create table product_apis (
  product_id    text not null references products on delete cascade,
  api_id        text not null,
  base_url_name text not null,
  primary key (product_id, api_id, base_url_name),
  foreign key (api_id, base_url_name) references api_base_urls (api_id, name)
);

-- `position` is the order in which people read them.
create table product_scopes (
  product_id  text not null references products on delete cascade,
  scope       text not null check (scope ~ '^[!#-\[\]-~]+$'),   -- RFC 6749 section 3.3
  description text not null check (description <> ''),
  is_default  boolean not null,               -- given when a client asks for no scope by name
  position    integer not null,
  primary key (product_id, scope)
);

-- Which of the product's scopes a subject of a role may have. A role without a row has none.
create table product_role_scopes (
  product_id text not null,
  role       text not null,
  scope      text not null,
  primary key (product_id, role, scope),
  foreign key (product_id, scope) references product_scopes (product_id, scope) on delete cascade
);

-- One team's right to call one product. States and moves: src/subscriptions/subscription.ts.
create table subscriptions (
  id           text primary key default 'sub_' || replace(gen_random_uuid()::text, '-', ''),
  team_id      text not null references teams on delete cascade,
  product_id   text not null,
  environment  text not null,
  name         text not null check (name <> ''),
  state        text not null
               check (state in ('submitted', 'active', 'suspended', 'rejected', 'cancelled', 'expired')),
  purpose      text not null default '',
  reason       text not null default '',      -- of the last decision
  requested_by text references accounts on delete set null,
  decided_by   text references accounts on delete set null,
  created_at   timestamptz not null default now(),
  decided_at   timestamptz,
  expires_at   timestamptz,
  unique (id, environment, team_id),
  foreign key (product_id, environment) references products (id, environment)
);
create index subscriptions_team on subscriptions (team_id, created_at);
create index subscriptions_product on subscriptions (product_id, state);

-- Two per subscription. Found by HMAC; the sealed copy is for the audited reveal.
create table subscription_keys (
  id              text primary key default gen_random_uuid()::text,
  subscription_id text not null references subscriptions on delete cascade,
  slot            text not null check (slot in ('primary', 'secondary')),
  fingerprint     bytea not null constraint subscription_keys_fingerprint_key unique,
  sealed          bytea not null,
  last_four       text not null,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz,                -- null: as long as the subscription
  replaced_at     timestamptz                 -- set when a newer key took its slot
);
create unique index subscription_keys_slot on subscription_keys (subscription_id, slot)
  where replaced_at is null;

-- An OAuth client (RFC 6749 section 2). Kinds: src/clients/client.ts.
create table clients (
  id                        text primary key
                            constraint clients_id_form
                            check (id ~ '^[A-Za-z0-9_-]+$' and id not like 'acc\_%' and id not like 'tu\_%'),
  environment               text not null check (environment in ('sandbox', 'live')),
  team_id                   text references teams on delete cascade,
  kind                      text not null
                            check (kind in ('application', 'console', 'test_application', 'first_party')),
  name                      text not null check (name <> ''),
  auth_method               text not null
                            check (auth_method in ('client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt')),
  grant_types               text[] not null,  -- narrowed further by its products at look-up
  redirect_uris             text[] not null default '{}',
  post_logout_redirect_uris text[] not null default '{}',
  allowed_origins           text[] not null default '{}',
  jwks                      jsonb,
  allows_oidc               boolean not null default true, -- may ask for openid, profile, email, offline_access
  default_product_id        text,
  created_at                timestamptz not null default now(),
  unique (id, environment),
  unique (id, environment, team_id),
  foreign key (default_product_id, environment) references products (id, environment),
  check ((team_id is null) = (kind = 'first_party')),
  check ((jwks is not null) = (auth_method = 'private_key_jwt'))
);
create index clients_team on clients (team_id, created_at);

-- SHA-256 of 256 random bits; two may be live at once.
create table client_secrets (
  id         text primary key default gen_random_uuid()::text,
  client_id  text not null references clients on delete cascade,
  digest     bytea not null,
  sealed     bytea,                           -- only where the server itself must use the secret
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index client_secrets_client on client_secrets (client_id);

-- A client is tied to subscriptions of its own team in its own environment, and to no others.
create table client_subscriptions (
  client_id       text not null,
  subscription_id text not null,
  environment     text not null,
  team_id         text not null,
  primary key (client_id, subscription_id),
  foreign key (client_id, environment, team_id)
    references clients (id, environment, team_id) on delete cascade,
  foreign key (subscription_id, environment, team_id)
    references subscriptions (id, environment, team_id) on delete cascade
);
create index client_subscriptions_subscription on client_subscriptions (subscription_id);

-- First-party clients name their products themselves.
create table client_products (
  client_id   text not null,
  product_id  text not null,
  environment text not null,
  primary key (client_id, product_id),
  foreign key (client_id, environment) references clients (id, environment) on delete cascade,
  foreign key (product_id, environment) references products (id, environment)
);

-- A subject that exists only in the sandbox: a persona. Shared by all, or a team's own.
create table test_users (
  id              text primary key default 'tu_' || replace(gen_random_uuid()::text, '-', '')
                  constraint test_users_id_form check (id like 'tu\_%'),
  team_id         text references teams on delete cascade,   -- null: shared
  username        text not null check (username <> ''),
  name            text not null check (name <> ''),
  title           text not null default '',   -- beside the name, such as "Ward nurse"
  about           text not null default '',
  sealed_password bytea not null,             -- published data, kept encrypted all the same
  position        integer not null default 0,
  created_at      timestamptz not null default now(),
  constraint test_users_username_key unique nulls not distinct (team_id, username)
);

-- What a subject is in one environment. A test user has a sandbox profile and no other.
create table profiles (
  id           text primary key default gen_random_uuid()::text,
  environment  text not null check (environment in ('sandbox', 'live')),
  account_id   text references accounts on delete cascade,
  test_user_id text references test_users on delete cascade,
  role         text not null check (role <> ''),
  claims       jsonb not null default '{}',   -- standard OpenID Connect claims of the subject
  patient      text,                          -- id of the patient that the subject is, or acts for
  constraint profiles_account_key unique (account_id, environment),
  constraint profiles_test_user_key unique (test_user_id),
  check (num_nonnulls(account_id, test_user_id) = 1),
  check (test_user_id is null or environment = 'sandbox')
);
