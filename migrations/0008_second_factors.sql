-- What an account is asked for beside its password, and sign-ins that wait for it. A dump yields no
-- seed, no usable code and no half of a sign-in.

-- An authenticator app of an account (RFC 6238). There is no row before a code has proven the set-up.
create table second_factors (
  account_id   text primary key references accounts on delete cascade,
  sealed_seed  bytea not null,
  last_step    bigint not null,               -- time step of the code used last; none counts twice
  confirmed_at timestamptz not null default clock_timestamp()
);

-- For whoever has lost the app. A used one is gone.
create table recovery_codes (
  account_id text not null references second_factors on delete cascade,
  digest     bytea not null,                  -- SHA-256 of 80 random bits
  primary key (account_id, digest)
);

-- The password was right, and nobody is signed in yet.
create table waiting_sign_ins (
  id         bytea primary key,               -- SHA-256 of the browser's cookie, or of the interaction
  account_id text not null references accounts on delete cascade,
  as_of      text not null,                   -- which password and which second factor: src/accounts/account.ts
  tries_left integer not null check (tries_left >= 0),
  expires_at timestamptz not null
);
create index waiting_sign_ins_expiry on waiting_sign_ins (expires_at);
