-- An API has versions, one of them current; a product opens a named one, or whichever is current.

create table api_versions (
  api_id     text not null references apis on delete cascade,
  version    text not null check (version <> ''),
  document   json not null,   -- OpenAPI; not jsonb, which would forget the order it was written in
  created_at timestamptz not null default now(),
  primary key (api_id, version)
);
update apis set version = '0' where version = '';
insert into api_versions (api_id, version, document)
  select id, version, document::text::json from apis;
-- Name and description are those of the current version.
alter table apis
  drop column document,
  add constraint apis_current_version foreign key (id, version)
    references api_versions (api_id, version) deferrable initially deferred;

alter table product_apis
  add column version text,    -- null: the current one
  add constraint product_apis_version foreign key (api_id, version)
    references api_versions (api_id, version);
