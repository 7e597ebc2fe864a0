-- A key of a subscription is used, made anew, and stopped.
alter table subscription_keys
  add column last_used_at timestamptz,        -- null: never
  -- What was replaced always has an end, so that no old key lives on unseen.
  add constraint subscription_keys_replaced_end check (replaced_at is null or expires_at is not null);
