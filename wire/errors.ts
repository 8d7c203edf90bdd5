/**
 * ApiError and its named constructors: every error a client of the Assistants API can meet, with the hosted service's words
 * where they are known. Clients retry 408, 409, 429 and 5xx by themselves, so a conflict is always a 400 here, never a 409.
 * Rendered as `{ error: { message, type, param, code } }` by the API's one error handler.
 */

/** The body of every error answer. All four keys are always present. */
export type ApiErrorBody = {
  error: { message: string; type: string; param: string | null; code: string | null };
};

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
    if (options.retryAfterSeconds !== undefined) {
      this.retryAfterSeconds = options.retryAfterSeconds;
    }
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
  | 'upload';

/** 400 with our own or a mapped text. `code` and `param` default to null. */
export function invalidRequest(
  message: string,
  options: { code?: string | null; param?: string | null } = {},
): ApiError {
  return new ApiError(400, message, options);
}

// Not found

/** 404. The same answer for an id that never existed, is deleted, or belongs to another project or thread. */
export function notFound(kind: MissingKind, id: string): ApiError {
  return new ApiError(404, `No ${kind} found with id '${id}'.`);
}

/** 404 for `GET /files/{id}` and for every file id named in a body. */
export function noSuchFile(id: string): ApiError {
  return new ApiError(404, `No such File object: ${id}`, { param: 'id' });
}

/** 404 for a path or method this server does not have. `path` as requested, without the query. */
export function unknownRoute(method: string, path: string): ApiError {
  return new ApiError(404, `Invalid URL (${method} ${path})`);
}

/** 404, as recorded. */
export function modelNotFound(model: string): ApiError {
  return new ApiError(404, `The model '${model}' does not exist`, {
    code: 'model_not_found',
    param: 'model',
  });
}

/** 400, as hosted. */
export function missingModel(): ApiError {
  return invalidRequest('you must provide a model parameter');
}

/** 403. Our text: hosted, only fine-tuned models could be deleted. */
export function modelNotDeletable(model: string): ApiError {
  return new ApiError(
    403,
    `The model '${model}' is configured on this server and cannot be deleted.`,
  );
}

/** 400 for a model that exists but cannot take part in runs, such as an embedding model. */
export function unsupportedModel(model: string): ApiError {
  return invalidRequest(`The requested model '${model}' cannot be used with the Assistants API.`, {
    code: 'unsupported_model',
    param: 'model',
  });
}

/** 404: the project made no response with this id through this server. */
export function noSuchResponse(id: string): ApiError {
  return new ApiError(404, `Response with id '${id}' not found.`);
}

/** 400, as hosted. */
export function previousResponseNotFound(id: string): ApiError {
  return invalidRequest(`Previous response with id '${id}' not found.`, {
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  });
}

// Ids and cursors

/** 400. `prefix` is the word before the separator: `thread`, `asst`, `run`, `msg`, `step`. */
export function illFormedId(param: string, value: string, prefix: string): ApiError {
  return invalidRequest(
    `Invalid '${param}': '${value}'. Expected an ID that begins with '${prefix}'.`,
    { code: 'invalid_value', param },
  );
}

/** 400 for an `after` or `before` that names nothing in the list. Our text: the hosted one is not known. */
export function unknownCursor(param: 'after' | 'before', id: string): ApiError {
  return invalidRequest(`Invalid '${param}': no object found with id '${id}'.`, {
    code: 'invalid_value',
    param,
  });
}

// Threads and runs

/** 400: a message may not be added (or deleted) while a run is active. */
export function threadBusyForMessage(threadId: string, runId: string): ApiError {
  return invalidRequest(`Can't add messages to ${threadId} while a run ${runId} is active.`);
}

/** 400: one active run per thread. */
export function threadHasActiveRun(threadId: string, runId: string): ApiError {
  return invalidRequest(`Thread ${threadId} already has an active run ${runId}.`);
}

/** 400: there is nothing for the model to answer. */
export function emptyThread(): ApiError {
  return invalidRequest(
    'Run creation requires a Thread with a user message or an assistant with instructions.',
    { code: 'invalid_thread' },
  );
}

/** 400: outputs submitted to a run that is not in `requires_action`. */
export function runDoesNotAcceptOutputs(status: string): ApiError {
  return invalidRequest(`Runs in status "${status}" do not accept tool outputs.`);
}

/** 400: the outputs do not answer exactly the required calls. Both lists in the order given, printed like Python lists. */
export function toolOutputsMismatch(
  expectedIds: readonly string[],
  gotIds: readonly string[],
): ApiError {
  return invalidRequest(
    `Expected tool outputs for call_ids ${quotedList(expectedIds)}, got ${quotedList(gotIds)}`,
  );
}

/** 400. Each id that was given more than once, as often as it was given. */
export function duplicateToolOutputs(gotIds: readonly string[]): ApiError {
  const duplicates = gotIds.filter((id) => gotIds.indexOf(id) !== gotIds.lastIndexOf(id));
  return invalidRequest(`Duplicate call_ids submitted: ${quotedList(duplicates)}`);
}

/** 400: the run is already terminal or cancelling. */
export function cannotCancel(status: string): ApiError {
  return invalidRequest(`Cannot cancel run with status '${status}'.`);
}

/** 400: metadata of a run cannot change while an activity owns it. */
export function cannotUpdateRun(status: string): ApiError {
  return invalidRequest(`Cannot update run with status '${status}'.`);
}

/** 400: the content of files with this purpose is not handed out. */
export function downloadNotAllowed(purpose: string): ApiError {
  return invalidRequest(`Not allowed to download files of purpose: ${purpose}`);
}

/** 400: hosted, a file without content is refused; the text is ours. */
export function emptyFile(param: string): ApiError {
  return invalidRequest('File is empty.', { code: 'empty_file', param });
}

/** 413. Our text; clients do not repeat it. */
export function fileTooLarge(limitBytes: number): ApiError {
  return new ApiError(
    413,
    `File is too large. The most this server accepts here is ${limitBytes} bytes.`,
    { code: 'file_too_large' },
  );
}

/** 400: the endpoint takes a form and got something else. */
export function notAForm(contentType: string | undefined): ApiError {
  return invalidRequest(
    `Invalid Content-Type header (${(contentType ?? 'none').slice(0, 100)}), expected multipart/form-data.`,
  );
}

/** 400: the form cannot be parsed. Our text. */
export function unreadableForm(reason: string): ApiError {
  return invalidRequest(`We could not parse the multipart form of your request: ${reason}.`);
}

/** 400: the project's files would take more than its share. Our own: the hosted text is not known. */
export function fileQuotaExceeded(quotaBytes: number): ApiError {
  return invalidRequest(
    `This file would take the project over its limit of ${quotaBytes} bytes for all files. Please delete files you no longer need.`,
    { code: 'file_quota_exceeded' },
  );
}

// Uploads. All our own texts: the hosted ones are not known.

/** 400. `action` is `add parts to`, `complete` or `cancel`. */
export function uploadNotPending(action: string, status: string): ApiError {
  return invalidRequest(`Cannot ${action} upload with status '${status}'.`);
}

/** 400: more parts than an upload of this size can need. */
export function partsExceedUpload(uploadId: string, bytes: number): ApiError {
  return invalidRequest(
    `The parts of ${uploadId} would have more than twice the ${bytes} bytes it was created with.`,
    { code: 'too_many_bytes', param: 'data' },
  );
}

/** 400: also for a part of another upload. */
export function unknownPart(partId: string, uploadId: string): ApiError {
  return invalidRequest(`Invalid 'part_ids': no part found with id '${partId}' in ${uploadId}.`, {
    code: 'invalid_value',
    param: 'part_ids',
  });
}

export function uploadBytesMismatch(expected: number, got: number): ApiError {
  return invalidRequest(
    `The parts have ${got} bytes, but the upload was created with ${expected} bytes.`,
    { code: 'bytes_mismatch', param: 'part_ids' },
  );
}

export function uploadMd5Mismatch(got: string): ApiError {
  return invalidRequest(`Invalid 'md5': the content of the parts has the md5 ${got}.`, {
    code: 'md5_mismatch',
    param: 'md5',
  });
}

// Vector stores

/** 400: its time is over, and nothing may use or change it. A client of the hosted service looks for this text; the code is ours. */
export function vectorStoreExpired(id: string): ApiError {
  return invalidRequest(`Vector store ${id} is expired.`, { code: 'vector_store_expired' });
}

/** 400. Our text. */
export function tooManyStoreFiles(limit: number): ApiError {
  return invalidRequest(`A vector store cannot hold more than ${limit} files.`, {
    code: 'vector_store_file_limit_exceeded',
  });
}

/** 400: there is no content to show of a file that is not, or not yet, in the store. Our text. */
export function fileNotIndexed(id: string, status: string): ApiError {
  return invalidRequest(
    `File ${id} has no content in this vector store: its status is '${status}'.`,
  );
}

/** 400: the batch has ended. Our text. */
export function cannotCancelBatch(status: string): ApiError {
  return invalidRequest(`Cannot cancel file batch with status '${status}'.`);
}

// Keys and headers

/** 401. Begins as hosted; the remedy is this server's own. */
export function missingApiKey(): ApiError {
  return new ApiError(
    401,
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth " +
      '(i.e. Authorization: Bearer YOUR_KEY). Keys for this server are made with `npm run keys`.',
  );
}

/** 401. `maskedKey` must already be masked: the message goes to clients and logs. */
export function incorrectApiKey(maskedKey: string): ApiError {
  return new ApiError(
    401,
    `Incorrect API key provided: ${maskedKey}. Keys for this server are made with \`npm run keys\`.`,
    { code: 'invalid_api_key' },
  );
}

/** 400, only where the server is set to insist on the header. */
export function missingBetaHeader(): ApiError {
  return invalidRequest(
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header " +
      "'OpenAI-Beta: assistants=v2'.",
    { code: 'invalid_beta' },
  );
}

/** 400 for `assistants=v1` and unknown versions. Our text: v1 was switched off before its last wording was recorded. */
export function wrongBetaVersion(value: string): ApiError {
  return invalidRequest(
    `This server speaks version 2 of the Assistants API, but the 'OpenAI-Beta' header says '${value}'. Please try again by ` +
      "setting the header 'OpenAI-Beta: assistants=v2'.",
    { code: 'invalid_beta' },
  );
}

/** 400: the key was used before with another method, path or body. Our own: the hosted service had no such header. */
export function idempotencyKeyReused(): ApiError {
  return invalidRequest(
    "This 'Idempotency-Key' was already used with a different request. Use a new key for a new request.",
    { code: 'idempotency_key_reused', param: 'Idempotency-Key' },
  );
}

/** 404, and still no second effect. Our own, as above. */
export function idempotentObjectDeleted(): ApiError {
  return new ApiError(404, "What this 'Idempotency-Key' has created was deleted.", {
    code: 'idempotent_object_deleted',
    param: 'Idempotency-Key',
  });
}

/** 400: empty, longer than 255 characters, or not printable ASCII. Our own, as above. */
export function idempotencyKeyInvalid(): ApiError {
  return invalidRequest(
    "Invalid 'Idempotency-Key': expected between 1 and 255 printable ASCII characters.",
    { code: 'invalid_value', param: 'Idempotency-Key' },
  );
}

// Bodies and faults

/** 413. Says the limit in bytes. */
export function bodyTooLarge(limitBytes: number): ApiError {
  return new ApiError(
    413,
    `Request body too large. The most this server accepts here is ${limitBytes} bytes.`,
    { code: 'request_too_large' },
  );
}

/** 400: the body is not JSON. */
export function malformedJson(): ApiError {
  return invalidRequest(
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library " +
      'correctly. The server expects a JSON payload, but what was sent was not valid JSON.)',
  );
}

/** 400: it is cut short, or not compressed as it says. Our text. */
export function unreadableBody(): ApiError {
  return invalidRequest(
    'The request body could not be read: it is not what its content-encoding or content-length says.',
  );
}

/** 415. Our text. */
export function unsupportedEncoding(encoding: string, supported: readonly string[]): ApiError {
  return new ApiError(
    415,
    `Unsupported content encoding: '${encoding}'. This server accepts here: ${supported.join(', ')}.`,
    { code: 'unsupported_media_type' },
  );
}

/** 415. Our text. */
export function unsupportedCharset(charset: string): ApiError {
  return new ApiError(415, `Unsupported charset: '${charset}'. Please send UTF-8.`, {
    code: 'unsupported_media_type',
  });
}

/** 400: what was sent cannot be parsed as a request. Our text. */
export function invalidHttp(): ApiError {
  return invalidRequest('The request is not valid HTTP.');
}

/** 431. Our text. */
export function headersTooLarge(limitBytes: number): ApiError {
  return new ApiError(431, `The request line and headers are larger than ${limitBytes} bytes.`, {
    code: 'request_headers_too_large',
  });
}

/** 408, which clients repeat: the headers or the body took too long. Our text. */
export function requestTooSlow(): ApiError {
  return new ApiError(408, 'The request did not arrive in time.', { code: 'request_timeout' });
}

/** 417. Our text. */
export function unknownExpectation(expectation: string): ApiError {
  return new ApiError(417, `The expectation '${expectation}' is not supported.`);
}

/** 500 for anything unforeseen; `requestId` is the `x-request-id` of the answer, so that it can be found in the log. */
export function serverFault(requestId: string): ApiError {
  return new ApiError(
    500,
    'The server had an error processing your request. Sorry about that! You can retry your request, or tell whoever runs ' +
      `this server if the error persists. (Please include the request ID ${requestId}.)`,
  );
}

/** 502: the model server is away or misbehaves. Our text, which names no address; `cause` is for the log. */
export function modelServerFailed(message: string, cause?: unknown): ApiError {
  return new ApiError(502, message, { code: 'model_server_failed', cause });
}

/** 503 with `retry-after`: the database or Temporal is away, or the process is draining. Clients retry it by themselves. */
export function unavailable(message: string, retryAfterSeconds: number): ApiError {
  return new ApiError(503, message, { code: 'unavailable', retryAfterSeconds });
}

function quotedList(ids: readonly string[]): string {
  return `[${ids.map((id) => `'${id}'`).join(', ')}]`;
}
