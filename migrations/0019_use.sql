-- What was called, counted by the hour; shares of limits that instances hold; why calls were refused.
-- Ids stand here without foreign keys and '' where unknown: a count outlives what it counted.

create table use_hours (
  hour            timestamptz not null,       -- its first moment
  environment     text not null default '' check (environment in ('', 'sandbox', 'live')),
  team_id         text not null default '',
  product_id      text not null default '',
  subscription_id text not null default '',
  client_id       text not null default '',
  api_id          text not null default '',
  operation       text not null default '',   -- `GET /Patient/{id}`
  outcome         text not null check (outcome in
    ('allowed', 'unauthorized', 'forbidden', 'rate_limited', 'over_quota', 'unavailable')),
  test_user       boolean not null default false,
  calls           bigint not null check (calls > 0),
  constraint use_hours_pkey primary key (hour, environment, team_id, product_id, subscription_id,
    client_id, api_id, operation, outcome, test_user)
) with (fillfactor = 80);                     -- room to count on in place
create index use_hours_team on use_hours (team_id, hour);
create index use_hours_subscription on use_hours (subscription_id, hour);

-- The last flush of each instance, so that one whose answer was lost is not counted again.
create table use_flushes (
  instance text primary key,
  sequence bigint not null,
  at       timestamptz not null default now()
);

-- How much of a limit's window instances have taken to themselves. `given` is what the last one got.
create table limit_shares (
  holder       text not null,
  kind         text not null check (kind in ('rate', 'quota')),
  seconds      integer not null check (seconds > 0),
  window_start timestamptz not null,
  window_end   timestamptz not null,
  calls        bigint not null check (calls > 0),
  taken        bigint not null check (taken >= 0),
  given        bigint not null check (given >= 0),
  constraint limit_shares_pkey primary key (holder, kind, seconds, window_start)
) with (fillfactor = 80);
create index limit_shares_end on limit_shares (window_end);

-- Kept for a day, the newest of each subscription and of callers nobody knows (subscription_id '').
create table refusals (
  request_id      text primary key,
  at              timestamptz not null,
  environment     text not null default '' check (environment in ('', 'sandbox', 'live')),
  team_id         text not null default '',
  product_id      text not null default '',
  subscription_id text not null default '',
  client_id       text not null default '',
  api_id          text not null default '',
  operation       text not null default '',
  outcome         text not null,
  test_user       boolean not null default false,
  status          integer not null,
  reason          text not null,              -- which check failed: src/usage/reason.ts
  detail          text not null default '',
  gateway_id      text not null default ''
);
create index refusals_subscription on refusals (subscription_id, at desc, request_id);
create index refusals_team on refusals (team_id, at desc, request_id);
create index refusals_at on refusals (at);
