/** The only code that writes an error response. What is not an ApiError is logged and answered with a plain 500. */
import type { ErrorRequestHandler, RequestHandler } from 'express';

import { isBusy, isUnavailable } from '../../db/core/pool.ts';
import type { Logger } from '../../config/log.ts';
import { isCut } from './multipart.ts';
import { ApiError, invalidRequest } from '../../wire/errors/errors.ts';
import { serverFault, unavailable, unknownRoute } from '../../wire/errors/http-errors.ts';

const RETRY_AFTER_SECONDS = 2;

export const routeNotFound: RequestHandler = (request) => {
  throw unknownRoute(request.method, request.path);
};

export function errorHandler(log: Logger): ErrorRequestHandler {
  const countRefusal = refusalCounter(log);
  return (error: unknown, request, response, _next) => {
    const requestId = String(response.getHeader('x-request-id') ?? '');
    const answer = toApiError(error, requestId);
    // The client left while it sent the body or read the answer: there is nobody to answer and nothing to log.
    if (isCut(error) || (response.destroyed && isBusy(error))) return void response.destroy();
    if (answer.status === 503) countRefusal(answer);
    else if (answer.status >= 500) {
      const operation = response.locals.operation as string | undefined;
      const fields = { request_id: requestId, operation, path: request.path };
      log.error({ err: error, ...fields }, 'A request failed');
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (answer.retryAfterSeconds !== undefined) {
      response.set('retry-after', String(Math.ceil(answer.retryAfterSeconds)));
      const ms = Math.ceil(answer.retryAfterSeconds * 1_000);
      if (answer.status === 429) response.set('retry-after-ms', String(ms));
    }
    response.status(answer.status).json(answer.toJSON());
  };
}

function toApiError(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  // A path such as /v1/threads/%zz.
  if (error instanceof URIError) {
    return invalidRequest('The URL is not valid.', { param: null, code: null });
  }
  if (isUnavailable(error)) {
    return unavailable('The database cannot be reached. Please try again.', RETRY_AFTER_SECONDS);
  }
  if (isBusy(error)) {
    return unavailable(
      'The request could not be done in time, because what it needs is in use. Please try again.',
      RETRY_AFTER_SECONDS,
    );
  }
  return serverFault(requestId);
}

/** An outage refuses every request: one line a second says how many, and no stack, because the cause is not in the code. */
function refusalCounter(log: Logger): (answer: ApiError) => void {
  let count = 0;
  return ({ message }) => {
    count += 1;
    if (count > 1) return;
    setTimeout(() => {
      log.error({ count, reason: message }, 'Requests were answered 503');
      count = 0;
    }, 1_000).unref();
  };
}
