/**
 * ApiError, and the errors of ids, threads, runs and vector stores, in the hosted service's words where they are known.
 * Clients retry 408, 409, 429 and 5xx by themselves, so a conflict is always a 400 here, never a 409.
 */
import { z } from 'zod';

/** The body of every error response. */
export const errorAnswer = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'ErrorResponse' });

export type ApiErrorBody = z.infer<typeof errorAnswer>;

export type ApiErrorOptions = {
  /** Default: `server_error` from status 500 on, else `invalid_request_error`, which is what the hosted service sends. */
  type?: string;
  code?: string | null;
  param?: string | null;
  /** Seconds for the `retry-after` header; only worth setting on answers that clients retry. */
  retryAfterSeconds?: number;
  cause?: unknown;
};

/** An answer to the client. Thrown anywhere under `api` or `wire`; anything else that is thrown becomes a plain 500. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterSeconds?: number;

  constructor(status: number, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.type = options.type ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
    this.code = options.code ?? null;
    this.param = options.param ?? null;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }

  toJSON(): ApiErrorBody {
    return {
      error: { message: this.message, type: this.type, param: this.param, code: this.code },
    };
  }
}

/** What `notFound` can name; the word is part of the message. Files have their own text: `noSuchFile`. */
export type MissingKind =
  | 'assistant'
  | 'thread'
  | 'run'
  | 'message'
  | 'run step'
  | 'vector store'
  | 'vector store file'
  | 'vector store file batch'
  | 'upload'
  | 'project'
  | 'API key'
  | 'batch'
  | 'schedule'
  | 'webhook endpoint'
  | 'webhook delivery';

/** 400 with our own or a mapped text. `code` and `param` default to null. */
export const invalidRequest = (
  message: string,
  options: { code?: string | null; param?: string | null } = {},
): ApiError => new ApiError(400, message, options);

/** 404, alike for an id that never existed, is deleted, or belongs to another project or thread. */
export const notFound = (kind: MissingKind, id: string): ApiError =>
  new ApiError(404, `No ${kind} found with id '${id}'.`);

/** 400. `prefix` is the word before the separator: `thread`, `asst`, `run`, `msg`, `step`. */
export const illFormedId = (param: string, value: string, prefix: string): ApiError =>
  invalidRequest(`Invalid '${param}': '${value}'. Expected an ID that begins with '${prefix}'.`, {
    code: 'invalid_value',
    param,
  });

/** 400 for an `after` or `before` that names no object of the list. Our text: the hosted one is not known. */
export const unknownCursor = (param: 'after' | 'before', id: string): ApiError =>
  invalidRequest(`Invalid '${param}': no object found with id '${id}'.`, {
    code: 'invalid_value',
    param,
  });

/** 400: too much work for one search. Our text and our limit. */
export const searchTooExpensive = (
  cost: number,
  limit: number,
  of: Record<'queries' | 'chunks' | 'comparisons' | 'files', number>,
): ApiError =>
  invalidRequest(
    `This search costs ${cost}, and at most ${limit} is allowed: ${of.comparisons} comparisons of the filter for each of ` +
      `${of.files} files, and ${of.chunks} chunks for each of ${of.queries} queries after the first. Send fewer queries, or a filter with fewer values.`,
    { code: 'search_too_expensive' },
  );

/** 400: the id of an imported object names another object, which may be another project's. Our text. */
export const idTaken = (id: string): ApiError =>
  invalidRequest(`The id '${id}' is taken.`, { code: 'id_taken', param: 'id' });

// Threads and runs

/** 400: a message may not be added (or deleted) while a run is active. */
export const threadBusyForMessage = (threadId: string, runId: string): ApiError =>
  invalidRequest(`Can't add messages to ${threadId} while a run ${runId} is active.`);

/** 400: one active run per thread. */
export const threadHasActiveRun = (threadId: string, runId: string): ApiError =>
  invalidRequest(`Thread ${threadId} already has an active run ${runId}.`);

/** 400: the model has nothing to answer. */
export const emptyThread = (): ApiError =>
  invalidRequest(
    'Run creation requires a Thread with a user message or an assistant with instructions.',
    { code: 'invalid_thread' },
  );

/** 400: outputs submitted to a run that is not in `requires_action`. */
export const runDoesNotAcceptOutputs = (status: string): ApiError =>
  invalidRequest(`Runs in status "${status}" do not accept tool outputs.`);

/** 400: the outputs and the required calls differ. Both lists keep their order and are printed like Python lists. */
export const toolOutputsMismatch = (
  expectedIds: readonly string[],
  gotIds: readonly string[],
): ApiError =>
  invalidRequest(
    `Expected tool outputs for call_ids ${quotedList(expectedIds)}, got ${quotedList(gotIds)}`,
  );

/** 400. The text has each repeated id as often as the request. */
export function duplicateToolOutputs(gotIds: readonly string[]): ApiError {
  const duplicates = gotIds.filter((id) => gotIds.indexOf(id) !== gotIds.lastIndexOf(id));
  return invalidRequest(`Duplicate call_ids submitted: ${quotedList(duplicates)}`);
}

/** 400: the run is already terminal or cancelling. */
export const cannotCancel = (status: string): ApiError =>
  invalidRequest(`Cannot cancel run with status '${status}'.`);

/** 400: the metadata of a run cannot change while an activity owns the run. */
export const cannotUpdateRun = (status: string): ApiError =>
  invalidRequest(`Cannot update run with status '${status}'.`);

function quotedList(ids: readonly string[]): string {
  return `[${ids.map((id) => `'${id}'`).join(', ')}]`;
}

// Projects

/** 400. Our text. */
export const projectExists = (name: string): ApiError =>
  invalidRequest(`A project with the name '${name}' exists.`, { param: 'name' });

// Vector stores

/** 400: an expired store can be neither used nor changed. A client of the hosted service looks for this text; the code is ours. */
export const vectorStoreExpired = (id: string): ApiError =>
  invalidRequest(`Vector store ${id} is expired.`, { code: 'vector_store_expired' });

/** 400. Our text. */
export const tooManyStoreFiles = (limit: number): ApiError =>
  invalidRequest(`A vector store cannot hold more than ${limit} files.`, {
    code: 'vector_store_file_limit_exceeded',
  });

/** 400: the file is not, or not yet, in the store. Our text. */
export const fileNotIndexed = (id: string, status: string): ApiError =>
  invalidRequest(`File ${id} has no content in this vector store: its status is '${status}'.`);

/** 400: the batch has ended. Our text. */
export const cannotCancelBatch = (status: string): ApiError =>
  invalidRequest(`Cannot cancel file batch with status '${status}'.`);

// Batches. The texts are ours: the hosted ones are not known.

/** 400: the batch has ended, or is about to. */
export const cannotChangeBatch = (action: 'cancel' | 'change', status: string): ApiError =>
  invalidRequest(`Cannot ${action} a batch with status '${status}'.`);

/** 400: results of the batch cannot be taken over. */
export const cannotResume = (id: string, reason: string): ApiError =>
  invalidRequest(`Cannot resume from ${id}: ${reason}`, {
    code: 'invalid_value',
    param: 'x-threadmill.resume_from',
  });

/** 400: the project has as many schedules as it can have. */
export const tooManySchedules = (most: number): ApiError =>
  invalidRequest(`A project can have ${most} schedules. Delete one first.`, {
    code: 'too_many_schedules',
  });

/** 400: nobody answers for the batches of the schedule any more. */
export const keyOfScheduleEnded = (): ApiError =>
  invalidRequest(
    'The API key that made or last paused or resumed the schedule was revoked or has expired. Pause or resume it with another key.',
    { code: 'key_ended' },
  );

/** 400: the file cannot be the input of a batch. */
export const notABatchFile = (reason: string): ApiError =>
  invalidRequest(`Invalid 'input_file_id': ${reason}`, {
    code: 'invalid_value',
    param: 'input_file_id',
  });

// Webhooks. The texts are ours: the hosted ones are not known.

/** 400: the project has as many endpoints as it can have. */
export const tooManyWebhookEndpoints = (most: number): ApiError =>
  invalidRequest(`A project can have ${most} webhook endpoints. Delete one first.`, {
    code: 'too_many_webhook_endpoints',
  });

/** 400: no event is sent there. */
export const badWebhookUrl = (reason: string): ApiError =>
  invalidRequest(`Invalid 'url': ${reason}`, { code: 'invalid_value', param: 'url' });

/** 400: the receiver has not answered. */
export const webhookTestFailed = (reason: string): ApiError =>
  invalidRequest(`The endpoint has not answered the test: ${reason}`, {
    code: 'webhook_test_failed',
  });
