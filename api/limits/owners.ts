/** The limits that hold for a caller: those of its key, and those of its project, which the settings have defaults for. */
import type { ConfigOf } from '../../config/config.ts';
import { storageQuotaExceeded } from '../../wire/errors/limit-errors.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Refusal } from '../../wire/errors/limit-errors.ts';
import type { LimitName, Limits } from '../../wire/admin/project-limits.ts';
import type { Caller } from '../../wire/admin/scopes.ts';

export type OwnedLimit = Pick<Refusal, 'noun' | 'limit'> & {
  project: ProjectId;
  owner: ProjectId | KeyId;
};

/** Only those that are set. The key's is first: a key beyond its own limit uses nothing of the project's. */
export function limitsOf(
  config: ConfigOf<'api'>,
  { project, key, limits }: Caller,
  name: LimitName,
): OwnedLimit[] {
  const ofKey: OwnedLimit = { project, owner: key, noun: 'API key', limit: limits.key[name] ?? 0 };
  const limit = limits.project[name] ?? defaultLimits(config)[name] ?? 0;
  const ofProject: OwnedLimit = { project, owner: project, noun: 'project', limit };
  return [ofKey, ofProject].filter((one) => one.limit > 0);
}

/** Of the project, which a key has none of. Undefined: none. */
export function quotaOf(config: ConfigOf<'api'>, caller: Caller): number | undefined {
  return limitsOf(config, caller, 'quota_bytes').find(({ noun }) => noun === 'project')?.limit;
}

/** @throws ApiError 400 when the project stores what it may */
export function checkQuota(config: ConfigOf<'api'>, caller: Caller): void {
  const quota = quotaOf(config, caller);
  if (quota !== undefined && caller.storedBytes >= quota) throw storageQuotaExceeded(quota);
}

function defaultLimits(config: ConfigOf<'api'>): Limits {
  return {
    requests_per_minute: config.limitRequestsPerMinute,
    tokens_per_minute: config.limitTokensPerMinute,
    runs_at_once: config.limitRunsAtOnce,
    streams_at_once: config.limitStreamsAtOnce,
    searches_at_once: config.limitSearchesAtOnce,
    quota_bytes: config.quotaBytes,
  };
}
