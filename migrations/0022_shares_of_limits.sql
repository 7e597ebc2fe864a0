-- Takes shares of limits' windows, as much of each as is left, and answers in the order they were asked
-- in. A function, since PostgreSQL keeps the plans of one: to make them took longer than to take a share.
create function take_limit_shares(
  wishes json -- of {holder, kind, calls, seconds, anchor, start, want}, times in milliseconds
) returns table (window_begin bigint, clock bigint, got bigint, all_took bigint)
language plpgsql as $$
declare
  wish record;
  length bigint;
  current_begin bigint;
begin
  clock := floor(extract(epoch from now()) * 1000);
  for wish in
    select * from json_to_recordset(wishes) as w (holder text, kind text, calls bigint, seconds int,
      anchor bigint, start bigint, want bigint)
  loop
    length := wish.seconds * 1000::bigint;
    current_begin := wish.anchor + length * floor((clock - wish.anchor)::numeric / length)::bigint;
    -- the window that was asked for, if it is the next one; else the one that the clock is in
    window_begin := case wish.start when current_begin + length then wish.start else current_begin end;
    insert into limit_shares as s (holder, kind, seconds, window_start, window_end, calls, taken, given)
    values (wish.holder, wish.kind, wish.seconds, to_timestamp(window_begin / 1000.0),
      to_timestamp(window_begin / 1000.0 + wish.seconds), wish.calls, least(wish.want, wish.calls),
      least(wish.want, wish.calls))
    on conflict on constraint limit_shares_pkey do update set
      calls = excluded.calls,
      taken = s.taken + greatest(0, least(excluded.given, excluded.calls - s.taken)),
      given = greatest(0, least(excluded.given, excluded.calls - s.taken))
    returning s.given, s.taken into got, all_took;
    return next;
  end loop;
end
$$;
