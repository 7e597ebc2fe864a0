-- What people do to their own account. A dump yields no usable link or code.

-- The new address that an account asked for: it has the old one until the new one is proven. One at
-- a time: whatever is asked later takes its place.
create table email_changes (
  account_id      text primary key references accounts on delete cascade,
  id              text not null,              -- what the code is bound to; new at every request
  email           text not null,
  link_digest     bytea constraint email_changes_link_key unique,
                                              -- SHA-256 of the token in the letter; null: never sent, as
                                              -- the address has an account
  code_digest     bytea,                      -- HMAC of `id` and the six digits; null as above
  code_tries_left integer not null default 5 check (code_tries_left >= 0),
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null
);
create index email_changes_expiry on email_changes (expires_at);

-- What a subject gave access to, and all that ends with its account: src/oauth/consent-store.ts.
create index oidc_records_account on oidc_records ((payload ->> 'accountId'))
  where payload ->> 'accountId' is not null;
