/** A span for each request to the API. It continues the trace of a `traceparent`. */
import type { RequestHandler } from 'express';

import { traceRequest } from '../../telemetry/trace.ts';
import type { Caller } from '../../wire/admin/scopes.ts';

/** Mounted at /v1. Unknown paths and methods are their sender's text, so no span has them. */
export const traceRequests: RequestHandler = (request, response, next) => {
  const span = traceRequest(request.method, request.headers);
  if (span === undefined) return next();
  response.once('close', () => {
    const { operation, caller } = response.locals as { operation?: string; caller?: Caller };
    const { path } = (request.route ?? {}) as { path?: string };
    span.end(operation ?? request.method, response.statusCode, {
      'threadmill.request.id': String(response.get('x-request-id')),
      ...(operation !== undefined && { 'threadmill.operation': operation }),
      ...(operation !== undefined && path !== undefined && { 'http.route': `/v1${path}` }),
      ...(caller !== undefined && { 'threadmill.project.id': caller.project }),
    });
  });
  span.run(next);
};
