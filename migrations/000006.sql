-- What a model server wants back with the calls of a turn: its own ids, reasoning, signatures.
alter table run_steps add column upstream jsonb;

-- Context windows are found by reading them, so that deleted messages and fragments take no room. The sums stay for
-- processes of an earlier version that run beside new ones.
alter table messages alter column tokens_before set default 0;
drop index messages_by_tokens;

-- A step names its message also when that was deleted, as the hosted service's do.
alter table run_steps drop constraint run_steps_message_id_fkey;
