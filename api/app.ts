/** The Express app. It never listens, so tests can mount it. */
import express from 'express';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';

import type { Logger } from '../log.ts';
import { mintId } from '../wire/ids.ts';
import { authenticate, checkBetaHeader } from './auth.ts';
import type { ApiContext } from './context.ts';
import { errorHandler, routeNotFound } from './error-handler.ts';
import { azurePaths } from './http/azure.ts';
import { crossOrigin } from './http/cors.ts';
import { readJson } from './http/json-body.ts';
import { passthroughRoutes } from './http/passthrough.ts';
import { scopeRequest } from './http/request-scope.ts';
import { assistantRoutes } from './routes/assistants.ts';
import { createThreadAndRunHandler } from './routes/create-run.ts';
import { fileBatchRoutes } from './routes/file-batches.ts';
import { fileRoutes } from './routes/files.ts';
import { healthRoutes } from './routes/health.ts';
import { messageRoutes } from './routes/messages.ts';
import { modelRoutes } from './routes/models.ts';
import { runRoutes } from './routes/runs.ts';
import { searchVectorStoreHandler } from './routes/search-vector-store.ts';
import { addPartHandler, uploadRoutes } from './routes/uploads.ts';
import { threadRoutes } from './routes/threads.ts';
import { vectorStoreFileRoutes } from './routes/vector-store-files.ts';
import { vectorStoreRoutes } from './routes/vector-stores.ts';

export function createApp(context: ApiContext): Express {
  const { config, log, pool } = context;
  const app = express();
  app.disable('etag');
  const readers = config.corsOrigins.length === 0 ? 'same-origin' : 'cross-origin';
  app.use(helmet({ crossOriginResourcePolicy: { policy: readers } }), standardHeaders);
  app.use(logRequests(log), ...crossOrigin(config.corsOrigins), azurePaths);
  app.use(healthRoutes(context));
  app.use('/v1', limitBodyTime, authenticate(pool), scopeRequest(context));
  // Ahead of the JSON parser: forms, and bodies that are passed on.
  app.use('/v1/files', fileRoutes(context));
  app.post('/v1/uploads/:upload_id/parts', addPartHandler(context));
  app.use('/v1', passthroughRoutes(context));
  app.use('/v1', readJson(config.bodyLimitBytes), v1(context));
  app.use(routeNotFound, errorHandler(log));
  return app;
}

function v1(context: ApiContext): RequestHandler {
  const router = express.Router();
  const beta = checkBetaHeader(context.config.requireBetaHeader);
  router.use('/models', modelRoutes(context));
  router.use('/uploads', uploadRoutes(context));
  router.use('/assistants', beta, assistantRoutes(context));
  router.post('/threads/runs', beta, createThreadAndRunHandler(context));
  router.use('/threads/:thread_id/messages', beta, messageRoutes(context));
  router.use('/threads/:thread_id/runs', beta, runRoutes(context));
  router.use('/threads', beta, threadRoutes(context));
  // Without the header: hosted, it has not been needed here since 2025.
  router.use('/vector_stores/:vector_store_id/files', vectorStoreFileRoutes(context));
  router.use('/vector_stores/:vector_store_id/file_batches', fileBatchRoutes(context));
  router.post('/vector_stores/:vector_store_id/search', searchVectorStoreHandler(context));
  router.use('/vector_stores', vectorStoreRoutes(context));
  return router;
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

function logRequests(log: Logger): RequestHandler {
  return (request, response, next) => {
    response.on('close', () => {
      const { statusCode: status, locals } = response;
      const fields = {
        request_id: response.get('x-request-id'),
        project_id: locals.projectId as string | undefined,
      };
      log.debug(
        { ...fields, method: request.method, path: request.originalUrl.split('?')[0], status },
        'Answered',
      );
    });
    next();
  };
}

/** In ms, for the whole body. A form lifts it and has its own limit. */
const BODY_MS = 60_000;

/** Cuts a request whose body is not there in time. */
const limitBodyTime: RequestHandler = (request, response, next) => {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && !Number(headers['content-length']))
    return next();
  const deadline = setTimeout(() => request.destroy(), BODY_MS);
  request.once('close', () => clearTimeout(deadline));
  response.locals.bodyDeadline = deadline;
  next();
};
