-- Why a paused batch starts no line. Null in a batch that is paused: a process of the version before has paused it.
alter table batches add column pause_reason text
  check (pause_reason in ('requested', 'budget_exceeded', 'insufficient_quota'));
