-- When an account's password became what it is. A session or a sign-in under way that was begun
-- with an earlier one does not count: src/oauth/prompts.ts.
alter table accounts add column password_changed_at timestamptz not null default now();

create function note_password_change() returns trigger language plpgsql as $$
begin
  new.password_changed_at = clock_timestamp();
  return new;
end
$$;

create trigger accounts_password_changed before update on accounts
  for each row when (new.password_hash is distinct from old.password_hash)
  execute function note_password_change();
