-- The logs of a code call that its run's readers have seen before it ended: what the result begins with.
alter table tool_calls add column streamed text not null default '';
