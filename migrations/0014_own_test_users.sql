-- Test users that a team makes for itself, and what it makes them do to be tested against.
alter table test_users
  add column behaviour text               -- null: as a person would. What each does: src/oauth/behaviours.ts
    check (behaviour in ('consent_denied', 'sign_in_fails', 'token_expired', 'wrong_audience',
                         'too_little_scope', 'slow')),
  add column created_by text references accounts on delete set null,
  -- Shared ones serve everybody, and stay as everybody expects them.
  add constraint test_users_own_behaves check (behaviour is null or team_id is not null);
create index test_users_created_by on test_users (created_by) where created_by is not null;
