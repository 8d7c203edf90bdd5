/** Errors of keys, headers, models, paths and bodies, and faults. A text is the hosted service's unless its comment says that it is ours. */
import { ApiError, invalidRequest } from './errors.ts';
import type { Scope } from '../admin/scopes.ts';

// Keys and headers

/** 401. The text begins as hosted; the remedy is ours. */
export const missingApiKey = (): ApiError =>
  new ApiError(
    401,
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth " +
      '(i.e. Authorization: Bearer YOUR_KEY). Keys for this server are made with `npm run keys`.',
  );

/** 401. `maskedKey` must already be masked: the message goes to clients and logs. */
export const incorrectApiKey = (maskedKey: string): ApiError =>
  new ApiError(
    401,
    `Incorrect API key provided: ${maskedKey}. Keys for this server are made with \`npm run keys\`.`,
    { code: 'invalid_api_key' },
  );

/** 401, in a stream that was open. Our text. */
export const endedApiKey = (): ApiError =>
  new ApiError(401, 'The API key of this stream was revoked or has expired. The run goes on.', {
    code: 'invalid_api_key',
  });

/** 403. The text is the hosted service's for a restricted key, which it sends with 401 or 403. */
export const missingScope = (scope: Scope): ApiError =>
  new ApiError(
    403,
    `You have insufficient permissions for this operation. Missing scopes: ${scope}. Check that you have the correct role in ` +
      "your organization, and if you're using a restricted API key, that it has the necessary scopes.",
  );

/** 400, if a setting requires the header. */
export const missingBetaHeader = (): ApiError =>
  invalidRequest(
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header " +
      "'OpenAI-Beta: assistants=v2'.",
    { code: 'invalid_beta' },
  );

/** 400 for `assistants=v1` and unknown versions. Our text: v1 was switched off before its last wording was recorded. */
export const wrongBetaVersion = (value: string): ApiError =>
  invalidRequest(
    `This server speaks version 2 of the Assistants API, but the 'OpenAI-Beta' header says '${value}'. Please try again by ` +
      "setting the header 'OpenAI-Beta: assistants=v2'.",
    { code: 'invalid_beta' },
  );

/** 400: an earlier request with this key had another method, path or body. Our error: the hosted service had no such header. */
export const idempotencyKeyReused = (): ApiError =>
  invalidRequest(
    "This 'Idempotency-Key' was already used with a different request. Use a new key for a new request.",
    { code: 'idempotency_key_reused', param: 'Idempotency-Key' },
  );

/** 404: the request is not performed again. Our error. */
export const idempotentObjectDeleted = (): ApiError =>
  new ApiError(404, "What this 'Idempotency-Key' has created was deleted.", {
    code: 'idempotent_object_deleted',
    param: 'Idempotency-Key',
  });

/** 400. Our error. */
export const idempotencyKeyInvalid = (): ApiError =>
  invalidRequest(
    "Invalid 'Idempotency-Key': expected between 1 and 255 printable ASCII characters.",
    { code: 'invalid_value', param: 'Idempotency-Key' },
  );

// Models

/** 404, as recorded. */
export const modelNotFound = (model: string): ApiError =>
  new ApiError(404, `The model '${model}' does not exist`, {
    code: 'model_not_found',
    param: 'model',
  });

/** 400, as hosted. */
export const missingModel = (): ApiError => invalidRequest('you must provide a model parameter');

/** 403. Our text: hosted, only fine-tuned models could be deleted. */
export const modelNotDeletable = (model: string): ApiError =>
  new ApiError(403, `The model '${model}' is configured on this server and cannot be deleted.`);

/** 404: the project has made no response with this id through this server. */
export const noSuchResponse = (id: string): ApiError =>
  new ApiError(404, `Response with id '${id}' not found.`);

/** 400, as hosted. */
export const previousResponseNotFound = (id: string): ApiError =>
  invalidRequest(`Previous response with id '${id}' not found.`, {
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  });

/** 502: the model server is away or misbehaves. Our text, without an address; `cause` is for the log. */
export const modelServerFailed = (message: string, cause?: unknown): ApiError =>
  new ApiError(502, message, { code: 'model_server_failed', cause });

// Paths and bodies

/** 404 for a path or method this server does not have. `path` as requested, without the query. */
export const unknownRoute = (method: string, path: string): ApiError =>
  new ApiError(404, `Invalid URL (${method} ${path})`);

export const bodyTooLarge = (limitBytes: number): ApiError =>
  new ApiError(
    413,
    `Request body too large. The most this server accepts here is ${limitBytes} bytes.`,
    { code: 'request_too_large' },
  );

/** 400: the body is not JSON. */
export const malformedJson = (): ApiError =>
  invalidRequest(
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library " +
      'correctly. The server expects a JSON payload, but what was sent was not valid JSON.)',
  );

/** 400: the body is cut short, or its compression is not the declared one. Our text. */
export const unreadableBody = (): ApiError =>
  invalidRequest(
    'The request body could not be read: it is not what its content-encoding or content-length says.',
  );

/** 415. Our text. */
export const unsupportedEncoding = (encoding: string, supported: readonly string[]): ApiError =>
  new ApiError(
    415,
    `Unsupported content encoding: '${encoding}'. This server accepts here: ${supported.join(', ')}.`,
    { code: 'unsupported_media_type' },
  );

/** 415. Our text. */
export const unsupportedCharset = (charset: string): ApiError =>
  new ApiError(415, `Unsupported charset: '${charset}'. Please send UTF-8.`, {
    code: 'unsupported_media_type',
  });

/** 400: the request cannot be parsed. Our text. */
export const invalidHttp = (): ApiError => invalidRequest('The request is not valid HTTP.');

/** 431. Our text. */
export const headersTooLarge = (limitBytes: number): ApiError =>
  new ApiError(431, `The request line and headers are larger than ${limitBytes} bytes.`, {
    code: 'request_headers_too_large',
  });

/** 408, which clients repeat: the headers or the body arrive too slowly. Our text. */
export const requestTooSlow = (): ApiError =>
  new ApiError(408, 'The request did not arrive in time.', { code: 'request_timeout' });

/** 417. Our text. */
export const unknownExpectation = (expectation: string): ApiError =>
  new ApiError(417, `The expectation '${expectation}' is not supported.`);

// Faults

/** 500 for an unforeseen error. `requestId` is the `x-request-id` of the response, by which the log is searched. */
export const serverFault = (requestId: string): ApiError =>
  new ApiError(
    500,
    'The server had an error processing your request. Sorry about that! You can retry your request, or tell whoever runs ' +
      `this server if the error persists. (Please include the request ID ${requestId}.)`,
  );

/** 429 with `retry-after`. Our error. */
export const tooMuchText = (): ApiError =>
  new ApiError(
    429,
    'The server still counts the tokens of earlier requests of this project. Please try again.',
    { code: 'rate_limit_exceeded', retryAfterSeconds: 2 },
  );

/** 503 with `retry-after`: the database or Temporal is away, or the process is draining. Clients retry it by themselves. */
export const unavailable = (message: string, retryAfterSeconds: number): ApiError =>
  new ApiError(503, message, { code: 'unavailable', retryAfterSeconds });
