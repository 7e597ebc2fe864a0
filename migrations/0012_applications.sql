-- Applications that teams make by themselves: where their keys are fetched from, and whose secrets are whose.

alter table clients
  add column jwks_uri text check (jwks_uri <> ''),   -- fetched by us, safely: src/clients/remote-keys.ts
  add column created_by text references accounts on delete set null;

-- The keys of private_key_jwt stand here or at an address, and nowhere with any other method.
alter table clients drop constraint clients_check1;
alter table clients add constraint clients_keys
  check (num_nonnulls(jwks, jwks_uri) = case auth_method when 'private_key_jwt' then 1 else 0 end);

alter table client_secrets
  add column last_four text not null default '',     -- what a page may show of it; empty: made before this
  add column created_by text references accounts on delete set null,
  add column last_used_at timestamptz;                -- to the minute
