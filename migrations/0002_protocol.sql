-- What the protocol keeps. A dump of these tables yields no usable token, code, session or key.

-- Everything oidc-provider stores: src/oauth/adapter.ts.
create table oidc_records (
  environment text not null check (environment in ('sandbox', 'live')),
  kind        text not null,                  -- oidc-provider's model name
  key         bytea not null,                 -- SHA-256 of the id, which for a token is its value
  payload     jsonb not null,                 -- never holds the id
  grant_key   bytea,                          -- SHA-256 of the grant's id
  uid_key     bytea,                          -- SHA-256 of a session's uid
  consumed_at timestamptz,                    -- set once, by compare-and-set
  expires_at  timestamptz,
  primary key (environment, kind, key)
);
create index oidc_records_grant on oidc_records (environment, grant_key) where grant_key is not null;
create index oidc_records_uid on oidc_records (environment, uid_key) where uid_key is not null;
create index oidc_records_expiry on oidc_records (expires_at);

-- Access tokens (JWTs, stored nowhere else) that were revoked before their time.
create table revoked_tokens (
  environment text not null,
  jti         text not null,
  expires_at  timestamptz not null,
  primary key (environment, jti)
);
create index revoked_tokens_expiry on revoked_tokens (expires_at);

-- One environment's keys never sign for the other. Private parts are sealed with the master secret.
create table signing_keys (
  environment text not null check (environment in ('sandbox', 'live')),
  kid         text not null,
  alg         text not null check (alg in ('RS256', 'ES256')),
  sealed      bytea not null,                 -- PKCS #8 PEM
  created_at  timestamptz not null default now(),
  primary key (environment, kid)
);

-- Counts of failures, shared by all instances: src/db/throttle.ts (rate-limiter-flexible's layout).
create table throttles (
  key    varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);
