/** The Express app. It never listens, so tests can mount it. */
import express, { Router } from 'express';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';

import type { Logger } from '../config/log.ts';
import { requestAnswered } from '../telemetry/metrics.ts';
import { mintId } from '../wire/ids.ts';
import type { Caller } from '../wire/admin/scopes.ts';
import { authenticate, callerOf, checkBetaHeader } from './http/auth.ts';
import type { ApiContext } from './context.ts';
import { errorHandler, routeNotFound } from './http/error-handler.ts';
import { azurePaths } from './http/azure.ts';
import { consoleRoutes } from './pages/console.ts';
import { crossOrigin } from './http/cors.ts';
import { healthRoutes } from './http/health.ts';
import { readJson } from './http/json-body.ts';
import { metricsRoute } from './metrics.ts';
import { passthroughRoutes, PASSED_PATHS } from './passthrough/routes.ts';
import { referenceRoutes } from './pages/reference.ts';
import { endWithKey } from './http/key-watch.ts';
import { scopeRequest } from './http/request-scope.ts';
import { traceRequests } from './http/trace-requests.ts';
import type { Operation } from './operation.ts';
import { OPERATIONS } from './operations/index.ts';
import { isEventStream } from './passthrough/upstream.ts';
import { operationRoutes, routeOf } from './serve-operations.ts';

export function createApp(context: ApiContext): Express {
  const { config, log, pool } = context;
  const app = express();
  app.disable('etag');
  const readers = config.corsOrigins.length === 0 ? 'same-origin' : 'cross-origin';
  app.use(helmet({ crossOriginResourcePolicy: { policy: readers } }), standardHeaders);
  app.use(logRequests(log), ...crossOrigin(config.corsOrigins), azurePaths(RESOURCES));
  app.use(healthRoutes(context), metricsRoute(context), referenceRoutes(), consoleRoutes());
  app.use(
    '/v1',
    traceRequests,
    limitBodyTime,
    authenticate(pool),
    endWithKey(context),
    scopeRequest(context),
  );
  app.use('/v1', countRequests(context));
  app.use('/v1', operationRoutes(context, OPERATIONS.filter(isAheadOfJson)));
  app.use('/v1', passthroughRoutes(context), readJson(config.bodyLimitBytes));
  // Vector stores go without the header: hosted, it has not been needed there since 2025.
  app.use(['/v1/assistants', '/v1/threads'], checkBetaHeader(config.requireBetaHeader));
  app.use(
    '/v1',
    operationRoutes(
      context,
      OPERATIONS.filter((one) => !isAheadOfJson(one)),
    ),
  );
  app.use(routeNotFound, errorHandler(log));
  return app;
}

/** Every request counts, but those of operations that are exempt. */
function countRequests({ limiter, requests }: ApiContext): Router {
  const router = Router();
  for (const operation of OPERATIONS.filter(({ rateClass }) => rateClass === 'exempt')) {
    router[operation.method](routeOf(operation), (_request, _response, next) => next('router'));
  }
  router.use(async (_request, response, next) => {
    requests.add(callerOf(response));
    await limiter.countRequest(response);
    next();
  });
  return router;
}

/** The first segments of all paths below /v1. */
const RESOURCES = new Set(
  [...OPERATIONS.map(({ path }) => path), ...PASSED_PATHS].map((path) => path.split('/')[1]!),
);

/** Forms are read as they arrive. No operation on files has a body of JSON. */
function isAheadOfJson({ form, path }: Operation): boolean {
  return form !== undefined || path.startsWith('/files');
}

/** The headers of every hosted answer. */
const standardHeaders: RequestHandler = (_request, response, next) => {
  const started = performance.now();
  response.set({ 'x-request-id': mintId('request'), 'openai-version': '2020-10-01' });
  const writeHead = response.writeHead.bind(response);
  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    response.setHeader('openai-processing-ms', Math.round(performance.now() - started));
    return writeHead(...args);
  }) as typeof response.writeHead;
  next();
};

/** Logs each request in one line, without path and body: the sender chooses an unknown path. */
function logRequests(log: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.on('close', () => {
      const { statusCode: status, locals } = response;
      const operation = locals.operation as string | undefined;
      const isStream = isEventStream(response.get('content-type'));
      const milliseconds = performance.now() - started;
      const { method } = request;
      requestAnswered({ operation, method, status, isStream, seconds: milliseconds / 1_000 });
      const fields = {
        request_id: response.get('x-request-id'),
        project_id: (locals.caller as Caller | undefined)?.project,
        key_id: (locals.caller as Caller | undefined)?.key,
        operation,
        status,
        duration_ms: Math.round(milliseconds),
      };
      if (!PROBES.has(request.originalUrl)) log.info(fields, 'Answered');
    });
    next();
  };
}

/** Asked every few seconds by other programs. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);

/** In ms, for the whole body. A form lifts it and has its own limit. */
const BODY_MS = 60_000;

/** Cuts a request whose body is not there in time. */
const limitBodyTime: RequestHandler = (request, response, next) => {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && !Number(headers['content-length'])) {
    return next();
  }
  const deadline = setTimeout(() => request.destroy(), BODY_MS);
  request.once('close', () => clearTimeout(deadline));
  response.locals.bodyDeadline = deadline;
  next();
};
