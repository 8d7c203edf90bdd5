/** Errors of limits and quotas. */
import { ApiError, invalidRequest } from './errors.ts';

export type Refusal = {
  /** Whose limit it is. */
  noun: 'API key' | 'project';
  /** `requests per min (RPM)` */
  what: string;
  type: 'requests' | 'tokens';
  limit: number;
  used: number;
  waitMs: number;
};

/** 429, which clients repeat after `retry-after`. The text is the hosted service's, which names a model and an organization. */
export const rateLimitReached = ({ noun, what, type, limit, used, waitMs }: Refusal): ApiError =>
  new ApiError(
    429,
    `Rate limit reached for this ${noun} on ${what}: Limit ${limit}, Used ${used}, Requested 1. ` +
      `Please try again in ${duration(waitMs)}.`,
    { type, code: 'rate_limit_exceeded', retryAfterSeconds: waitMs / 1_000 },
  );

/** 400: the project stores what it may. Our text: the hosted one is not known. */
export const storageQuotaExceeded = (quotaBytes: number): ApiError =>
  invalidRequest(
    `The project has reached its limit of ${quotaBytes} bytes of storage. Please delete files, threads or vector stores you no longer need.`,
    { code: 'storage_quota_exceeded' },
  );

/** As in the hosted service's headers and texts: `20ms`, `1.5s`, `6m0s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms) / 1_000;
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 0 ? rest : `${minutes}m${rest}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${rest}`;
}
