-- People on their way to an account, and forgotten passwords. A dump yields no usable link or code.

-- What somebody typed on the registration page. It is no account: that is made when the address is
-- proven. Any number may name one address without disturbing each other, and whatever is proven
-- first ends the links and codes of the rest.
create table registrations (
  id                text primary key default gen_random_uuid()::text,
  email             text not null,
  name              text not null check (name <> ''),
  team_name         text not null,             -- empty: none was given
  password_hash     text not null,             -- argon2id with its parameters
  terms_accepted_at timestamptz not null default now(),
  return_to         text not null,             -- a path of ours, sealed: src/accounts/kept-return.ts
  browser_digest    bytea not null constraint registrations_browser_key unique,
                                               -- SHA-256 of the cookie of the browser that registered
  link_digest       bytea constraint registrations_link_key unique,
                                               -- SHA-256 of the token in the letter; null: used, ended, or
                                               -- never sent, as the address has an account
  code_digest       bytea,                     -- HMAC of this row's id and the six digits; null as above
  code_tries_left   integer not null default 5 check (code_tries_left >= 0),
  created_at        timestamptz not null default now(),
  expires_at        timestamptz not null       -- of link and code
);
create index registrations_email on registrations (lower(email));
create index registrations_expiry on registrations (expires_at);

-- One open link per account: a new one takes the place of the old.
create table password_resets (
  account_id  text primary key references accounts on delete cascade,
  email       text not null,                   -- that the letter went to; another address by now ends it
  link_digest bytea not null constraint password_resets_link_key unique,
  return_to   text not null,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null
);
create index password_resets_expiry on password_resets (expires_at);
