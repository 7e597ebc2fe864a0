-- What a decision about a subscription was made by stays as it was, and a decision has a reason.

-- Until now only the operator's programme file rejected.
update subscriptions set decided_as = 'programme' where state = 'rejected' and decided_as is null;

alter table subscriptions add constraint subscriptions_reasoned check (
  reason <> '' or state in ('submitted', 'cancelled', 'expired')
  or decided_as is not distinct from 'programme'
  or (state = 'active' and decided_as is not distinct from 'open'));

-- Runs before subscriptions_guarded, which comes later in the alphabet.
create function keep_what_was_decided() returns trigger language plpgsql as $$
begin
  new.activated_at = old.activated_at;        -- only a move makes it active, see guard_subscription
  if new.decided_as is not distinct from 'programme' then return new; end if;
  if new.purpose <> old.purpose and not (old.state = 'submitted' and new.state = 'submitted') then
    raise exception 'a purpose that was decided by stays as it is'
      using errcode = 'check_violation', constraint = 'subscriptions_purpose_stays';
  end if;
  if new.scopes is distinct from old.scopes
     and not (old.state = 'submitted' and new.state = 'active') then
    raise exception 'scopes are narrowed by an approval and by nothing else'
      using errcode = 'check_violation', constraint = 'subscriptions_scopes_stay';
  end if;
  return new;
end
$$;
create trigger subscriptions_decided_by before update on subscriptions
  for each row execute function keep_what_was_decided();

-- The queue of approvers, and what the sweep looks for.
create index subscriptions_waiting on subscriptions (created_at, id) where state = 'submitted';
create index subscriptions_ending on subscriptions (expires_at) where state in ('active', 'suspended');
