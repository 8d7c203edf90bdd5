/** The only code that writes an error response. What is not an ApiError is logged and answered with a plain 500. */
import type { ErrorRequestHandler, RequestHandler } from 'express';

import { isUnavailable } from '../db/pool.ts';
import type { Logger } from '../log.ts';
import { isCut } from './multipart.ts';
import {
  ApiError,
  invalidRequest,
  serverFault,
  unavailable,
  unknownRoute,
} from '../wire/errors.ts';

const RETRY_AFTER_SECONDS = 2;

export const routeNotFound: RequestHandler = (request) => {
  throw unknownRoute(request.method, request.path);
};

export function errorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const requestId = String(response.getHeader('x-request-id') ?? '');
    const answer = toApiError(error, requestId);
    // The client has gone in the middle of its body: there is nobody to answer and nothing wrong.
    if (isCut(error)) return void response.destroy();
    if (answer.status >= 500)
      log.error({ err: error, request_id: requestId, path: request.path }, 'A request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (answer.retryAfterSeconds !== undefined)
      response.set('retry-after', String(answer.retryAfterSeconds));
    response.status(answer.status).json(answer.toJSON());
  };
}

function toApiError(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  // A path such as /v1/threads/%zz.
  if (error instanceof URIError)
    return invalidRequest('The URL is not valid.', { param: null, code: null });
  if (isUnavailable(error))
    return unavailable('The database cannot be reached. Please try again.', RETRY_AFTER_SECONDS);
  return serverFault(requestId);
}
