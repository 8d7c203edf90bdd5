/**
 * The only place that decides whether an error is retried. A failure's type is the wire's `last_error.code`; its
 * message is what the client will read, so it carries no key, no prompt and no server's address.
 */
import {
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
} from '@temporalio/common';
import type { APIConnectionError } from 'openai';

import { FencedError } from '../db/events/run-events.ts';
import { DocumentError, EmbeddingError } from '../retrieval/index.ts';
import { SandboxUnavailableError } from '../sandbox/index.ts';
import { ApiError } from '../wire/errors/errors.ts';
import { withoutPlaces } from '../wire/errors/foreign-errors.ts';
import { storable } from '../wire/text.ts';
import { ModelServerError } from './model/server-error.ts';
import type { LastError, VectorStoreFileError } from '../wire/types.ts';

/** A file can wait longer than a run, but not until its step is out of time. */
const LONGEST_EMBEDDING_RETRY_MS = 600_000;

/** The model's stream ended in a way that is not an answer. */
export class ModelStreamError extends Error {
  override name = 'ModelStreamError';
  readonly retryable: boolean;
  /** The connection ended before its answer. */
  readonly lost: boolean;
  /** Answers of the turn that were cut off, with this one. Undefined: nothing of this one was shown. */
  lostAnswers: number | undefined;

  constructor(message: string, options: { retryable: boolean; lost?: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
    this.lost = options.lost ?? false;
  }
}

/** The server did not pass `tool_choice` on to its model. `rule`: the profile's field that tells how to ask it instead. */
export class IgnoredChoiceError extends ModelStreamError {
  override name = 'IgnoredChoiceError';
  readonly rule: keyof typeof IGNORED;

  constructor(rule: keyof typeof IGNORED) {
    const { message, retryable } = IGNORED[rule];
    super(message, { retryable });
    this.rule = rule;
  }
}

const IGNORED = {
  tools_when_none: {
    message: 'The model called a tool, which tool_choice forbids.',
    retryable: false,
  },
  // Its text has been shown: only a new attempt closes that message.
  named_tool_choice: {
    message: 'The model did not call the tool that tool_choice names.',
    retryable: true,
  },
};

/** An earlier call of the same turn has not ended, and nobody runs it: it failed, or waits for a worker with room. */
export class EarlierCallError extends Error {
  override name = 'EarlierCallError';

  constructor() {
    super('An earlier call of the same turn could not be run.');
  }
}

/** The model server is away or overloaded. It may be restarting: it is tried again by time, not by number. */
export class ModelOutageError extends Error {
  override name = 'ModelOutageError';
  readonly retryMs: number;
  override readonly cause: APIConnectionError | ModelServerError | ModelStreamError;

  constructor(cause: ModelOutageError['cause'], retrySeconds: number) {
    super(cause.message);
    this.cause = cause;
    this.retryMs = retrySeconds * 1_000;
  }
}

/** The turn may not ask its model yet. This is no try: nothing was sent, or the server is overloaded and the batch has time. */
export class HeldError extends Error {
  override name = 'HeldError';
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** How often Temporal has tried, and for how long. */
export type Tries = { attempt: number; elapsedMs: number };

/** Tries of what costs money, or of what nobody foresaw. */
const MAX_TRIES = 5;
/** A step that takes its worker down each time must not go on for as long as a run may live. */
const MAX_LOST_WORKERS = 60;
const LEAST_LATE_RETRY_MS = 1_000;

/** For the beginning of an attempt: a failure once workers were lost too often. */
export function tooManyTries({ attempt }: Tries): Error | undefined {
  if (attempt <= MAX_LOST_WORKERS) return undefined;
  return failure('server_error', `The step was begun ${MAX_LOST_WORKERS} times and never ended.`, {
    retry: false,
  });
}

/** What Temporal is told. Connection errors come before statuses: they are APIErrors without one. */
export function toFailure(error: unknown, tries: Tries): Error {
  if (error instanceof CancelledFailure) return fromCancel(error);
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof HeldError) return fromHold(error);
  if (error instanceof SandboxUnavailableError) {
    return failure('server_error', withoutPlaces(error.message), { retry: false });
  }
  // A run's vector store has expired.
  if (error instanceof ApiError) return failure('server_error', error.message, { retry: false });
  if (error instanceof FencedError || error instanceof EarlierCallError) {
    return failure('server_error', error.message, { retry: true });
  }
  const again = tries.attempt < MAX_TRIES;
  if (error instanceof ModelStreamError) {
    // Tries that found the server away have shown nothing and cost nothing.
    const paid = error.lostAnswers ?? tries.attempt;
    return failure('server_error', error.message, { retry: error.retryable && paid < MAX_TRIES });
  }
  if (error instanceof ModelOutageError) {
    return fromOutage(error, tries, again || tries.elapsedMs < error.retryMs);
  }
  if (error instanceof ModelServerError) return fromServer(error, false);
  return failure('server_error', 'Sorry, something went wrong.', { retry: again, cause: error });
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

export function fromHold({ message, waitMs: nextRetryDelay }: HeldError): Error {
  return failure('rate_limit_exceeded', message, { retry: true, nextRetryDelay });
}

function fromOutage({ cause }: ModelOutageError, tries: Tries, retry: boolean): Error {
  if (cause instanceof ModelStreamError) return failure('server_error', cause.message, { retry });
  if (!(cause instanceof ModelServerError)) {
    return failure('server_error', 'The model server could not be reached.', { retry });
  }
  const { retryAfterMs: wait } = cause;
  const least = tries.attempt < MAX_TRIES ? 0 : LEAST_LATE_RETRY_MS;
  return fromServer(cause, retry, wait === undefined ? undefined : Math.max(wait, least));
}

/** The reason is kept in the history for the operator, with where it came from. */
function fromServer(error: ModelServerError, retry: boolean, nextRetryDelay?: number): Error {
  const { status, url, reason } = error;
  const details = [{ url, status: status ?? null, reason }];
  return failure(codeOf(error), messageOf(error), { retry, nextRetryDelay, details });
}

function codeOf({ status, outOfQuota }: ModelServerError): LastError['code'] {
  if (status === 429 || outOfQuota) return 'rate_limit_exceeded';
  return status === 400 || status === 413 || status === 422 ? 'invalid_prompt' : 'server_error';
}

/** What the client is told: a server's own faults are not its business, what is wrong with the request is. */
function messageOf(error: ModelServerError): string {
  const { status, outOfQuota, transient } = error;
  const reason = withoutPlaces(error.reason, error.url);
  if (outOfQuota) {
    return `The account at the model server has no quota left (insufficient_quota): ${reason}`;
  }
  if (status === undefined) {
    return transient || reason === '' ? 'The model server reported an error.' : reason;
  }
  if (status === 401 || status === 403) return 'The model server refused the configured key.';
  if (status === 429) return 'The model server is rate limiting. Try again later.';
  return status >= 500 || reason === '' ? `The model server answered ${status}.` : reason;
}

function failure(
  type: LastError['code'] | VectorStoreFileError['code'],
  message: string,
  options: {
    retry: boolean;
    nextRetryDelay?: number | undefined;
    details?: unknown[];
    cause?: unknown;
  },
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    // A half of a surrogate pair here would stop the whole worker: Temporal takes valid UTF-8 only.
    message: storable(message),
    nonRetryable: !options.retry,
    details: options.details ?? [],
    // Expected noise of a model server; without a category a failure is logged as an error.
    ...(options.cause === undefined ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(options.nextRetryDelay === undefined ? {} : { nextRetryDelay: options.nextRetryDelay }),
    ...(options.cause instanceof Error ? { cause: options.cause } : {}),
  });
}
