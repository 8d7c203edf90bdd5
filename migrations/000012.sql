-- A key opens its project for these scopes only, until it expires. Keys from before could do all that there was.
alter table api_keys
  add column scopes text[] not null default '{read,run,files}',
  add column expires_at bigint,
  -- written at most once a minute
  add column last_used_at bigint;
