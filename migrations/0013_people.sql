-- Teams of several people, and what administrators look people up by.

-- Who was asked by mail to join a team. A row ends when it is used, withdrawn, or sent anew.
create table team_invitations (
  id          text primary key default gen_random_uuid()::text,
  team_id     text not null references teams on delete cascade,
  email       text not null,                   -- only an account with this address, proven, may accept
  role        text not null check (role in ('owner', 'member')),
  invited_by  text references accounts on delete set null,
  link_digest bytea not null constraint team_invitations_link_key unique, -- SHA-256 of the letter's token
  sent_at     timestamptz not null default now(),
  expires_at  timestamptz not null
);
create unique index team_invitations_address on team_invitations (team_id, lower(email));
create index team_invitations_expiry on team_invitations (expires_at);

-- An act on a team names the person it was about beside it: part of that person's history too.
create index audit_account on audit ((detail ->> 'account'), id) where detail ? 'account';
create index audit_action on audit (action, id);

-- As in 0004; such a mention goes with the account.
create or replace function pseudonymise_audit(account_id text, pseudonym text) returns bigint
language plpgsql set sandgate.audit_door = 'pseudonymise' as $$
declare touched bigint;
begin
  update audit set detail = detail - 'account' where detail ->> 'account' = account_id;
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

-- Search by how a name, an address or an id begins.
create index accounts_name_prefix on accounts (lower(name) text_pattern_ops);
create index accounts_email_prefix on accounts (lower(email) text_pattern_ops);
create index teams_name_prefix on teams (lower(name) text_pattern_ops);
create index clients_name_prefix on clients (lower(name) text_pattern_ops);
create index subscriptions_name_prefix on subscriptions (lower(name) text_pattern_ops);
