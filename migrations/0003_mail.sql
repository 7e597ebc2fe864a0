-- The outbox: mail is a row, written in the transaction of what it tells about and sent afterwards.
-- Who writes and who sends: src/mail/outbox.ts, src/mail/dispatcher.ts.
create table letters (
  id           text primary key default 'letter_' || replace(gen_random_uuid()::text, '-', ''),
  number       bigint generated always as identity unique, -- the order people read them in
  recipient    text not null check (recipient !~ '[[:cntrl:]]'),
  template     text not null,
  data         jsonb not null,                -- loses its link and code when the letter is sent or given up
  message_id   text not null default gen_random_uuid()::text, -- before the @: a second copy is known by it
  created_at   timestamptz not null default now(),
  tries        integer not null default 0,    -- counted when a try begins
  next_try_at  timestamptz not null default now(),
  lease        text,                          -- whoever is sending it now
  leased_until timestamptz,                   -- after that anyone may take it
  sent_at      timestamptz,
  dead_at      timestamptz,                   -- given up
  last_error   text,                          -- never holds what the letter says
  check (sent_at is null or dead_at is null),
  check ((lease is null) = (leased_until is null))
);
create index letters_due on letters (next_try_at) where sent_at is null and dead_at is null;
create index letters_created on letters (created_at);
