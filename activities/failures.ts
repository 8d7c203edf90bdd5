/**
 * The only place that decides whether an error is retried. A failure's type is the wire's `last_error.code`; its
 * message is what the client will read, so it carries no key, no prompt and no server's address.
 */
import {
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
} from '@temporalio/common';
import { APIConnectionError, APIError } from 'openai';

import { FencedError } from '../db/run-events.ts';
import { DocumentError, EmbeddingError } from '../retrieval/index.ts';
import { SandboxUnavailableError } from '../sandbox/index.ts';
import { ApiError } from '../wire/errors.ts';
import type { LastError, VectorStoreFileError } from '../wire/types.ts';

const LONGEST_RETRY_MS = 60_000;
/** A file can wait longer than a run, but not until its step is out of time. */
const LONGEST_EMBEDDING_RETRY_MS = 600_000;

/** The model's stream ended in a way that is not an answer. */
export class ModelStreamError extends Error {
  override name = 'ModelStreamError';
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** An earlier call of the same turn has not ended, and nobody runs it: it failed, or waits for a worker with room. */
export class EarlierCallError extends Error {
  override name = 'EarlierCallError';

  constructor() {
    super('An earlier call of the same turn could not be run.');
  }
}

/** What Temporal is told. Connection errors come before statuses: they are APIErrors without one. */
export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure) return fromCancel(error);
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof SandboxUnavailableError)
    return failure('server_error', error.message, { retry: false });
  // A run's vector store has expired.
  if (error instanceof ApiError) return failure('server_error', error.message, { retry: false });
  if (error instanceof FencedError || error instanceof EarlierCallError)
    return failure('server_error', error.message, { retry: true });
  if (error instanceof ModelStreamError)
    return failure('server_error', error.message, { retry: error.retryable });
  if (error instanceof APIConnectionError) {
    return failure('server_error', 'The model server could not be reached.', { retry: true });
  }
  if (error instanceof APIError && error.status !== undefined) return fromStatus(error);
  if (error instanceof APIError)
    return failure('server_error', 'The model server reported an error.', { retry: true });
  return failure('server_error', 'Sorry, something went wrong.', { retry: true, cause: error });
}

/** The same for a file on its way into a vector store; the type is the code of its `last_error`. */
export function toIngestFailure(error: unknown): Error {
  if (error instanceof CancelledFailure) return fromCancel(error);
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof DocumentError) return failure(error.code, error.message, { retry: false });
  if (error instanceof EmbeddingError) {
    const { retryable: retry, retryAfterMs = 0 } = error;
    const nextRetryDelay =
      retryAfterMs > 0 ? Math.min(retryAfterMs, LONGEST_EMBEDDING_RETRY_MS) : undefined;
    return failure('server_error', error.message, { retry, nextRetryDelay });
  }
  return failure('server_error', 'Sorry, something went wrong.', { retry: true, cause: error });
}

/** A worker that shuts down hands its attempt to another one; everything else that cancels is passed on. */
function fromCancel(error: CancelledFailure): Error {
  if (error.message !== 'WORKER_SHUTDOWN') return error;
  return failure('server_error', 'The worker was shut down.', { retry: true });
}

function fromStatus(error: APIError): Error {
  const status = Number(error.status);
  const advice = error.headers?.get('x-should-retry');
  const transient = status === 408 || status === 409 || status === 429 || status >= 500;
  const outOfQuota = error.code === 'insufficient_quota';
  const retry = advice === 'true' || (advice !== 'false' && transient && !outOfQuota);
  const nextRetryDelay = retry ? retryAfterMs(error.headers) : undefined;
  return failure(codeOf(status), messageOf(status, error), { retry, nextRetryDelay });
}

function codeOf(status: number): LastError['code'] {
  if (status === 429) return 'rate_limit_exceeded';
  return status === 400 || status === 413 || status === 422 ? 'invalid_prompt' : 'server_error';
}

function messageOf(status: number, error: APIError): string {
  if (status === 401 || status === 403) return 'The model server refused the configured key.';
  if (status === 429) return 'The model server is rate limiting. Try again later.';
  if (status >= 500) return `The model server answered ${status}.`;
  const detail = (error.error as { message?: unknown } | undefined)?.message;
  return typeof detail === 'string' ? detail.slice(0, 500) : `The model server answered ${status}.`;
}

/** From `retry-after-ms`, else `retry-after` in seconds or as a date; absurd values are clamped. */
export function retryAfterMs(headers: Headers | undefined, now = Date.now()): number | undefined {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (milliseconds > 0) return Math.min(milliseconds, LONGEST_RETRY_MS);
  const text = headers?.get('retry-after');
  if (!text) return undefined;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1_000;
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_MS) : undefined;
}

function failure(
  type: LastError['code'] | VectorStoreFileError['code'],
  message: string,
  options: { retry: boolean; nextRetryDelay?: number | undefined; cause?: unknown },
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: !options.retry,
    // Expected noise of a model server; without a category a failure is logged as an error.
    ...(options.cause === undefined ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(options.nextRetryDelay === undefined ? {} : { nextRetryDelay: options.nextRetryDelay }),
    ...(options.cause instanceof Error ? { cause: options.cause } : {}),
  });
}
