/**
 * Requests of an application to model servers beside its runs, on the same base URL. They pass on to the server that is
 * configured for the model, with this server's key, and the answer passes back as it arrives.
 */
import type { Request, RequestHandler, Response } from 'express';
import { Router } from 'express';
import { Agent } from 'undici';
import { z } from 'zod';

import type { ConfigOf } from '../../config/config.ts';
import { passedTarget } from '../../config/config.ts';
import { modelOfResponse } from '../../db/projects/passed-responses.ts';
import {
  missingModel,
  modelNotFound,
  noSuchResponse,
  previousResponseNotFound,
} from '../../wire/errors/http-errors.ts';
import { inModelSpan } from '../../telemetry/model-span.ts';
import { parseBody } from '../../wire/requests/body.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import { scopeOf } from '../../wire/admin/scopes.ts';
import type { ApiContext } from '../context.ts';
import { callerOf, projectOf, requireScope } from '../http/auth.ts';
import { askedJson } from './asked-json.ts';
import type { AskedBody } from './asked-json.ts';
import { countingTap } from './counting-tap.ts';
import { decode, readBytes } from '../http/json-body.ts';
import { createSplitter } from './splitter.ts';
import { withOpenForm } from './open-form.ts';
import type { Link, ModelServer } from './upstream.ts';
import { passOn } from './upstream.ts';

/** Those that take text have their tokens estimated when the server does not report them. */
const TEXT_ENDPOINTS = ['chat/completions', 'completions', 'embeddings', 'responses'];
const ENDPOINTS = [
  ...TEXT_ENDPOINTS,
  'moderations',
  'images/generations',
  'images/edits',
  'images/variations',
  'audio/speech',
  'audio/transcriptions',
  'audio/translations',
];

/** In ms. A model may think for long before it answers, and in between. */
const WAIT_MS = 1_800_000;

/** Below /v1. */
export const PASSED_PATHS = ENDPOINTS.map((endpoint) => `/${endpoint}`);

type Destination = { server: ModelServer; model: string; upstreamModel: string };

export function passthroughRoutes(context: ApiContext): Router {
  const { bodyLimitBytes: limit, fileLimitBytes } = context.config;
  const dispatcher = new Agent({ headersTimeout: WAIT_MS, bodyTimeout: WAIT_MS, allowH2: false });
  const link = { context, dispatcher };
  const router = Router();
  router.use(PASSED_PATHS, checkScope);
  router.post(PASSED_PATHS, (request, response, next) => {
    if (!request.is('multipart/form-data')) return next();
    return withOpenForm(request, response, fileLimitBytes, (form) =>
      passNew(link, request, response, form),
    );
  });
  const split = createSplitter(context.stopping);
  router.post(PASSED_PATHS, readBytes(limit), async (request: Request, response: Response) => {
    const text = Buffer.isBuffer(request.body) ? decode(request) : '';
    const asked = askedJson(await split(callerOf(response).project, text));
    return passNew(link, request, response, asked);
  });
  const stored = (request: Request, response: Response) => passStored(link, request, response);
  router.get(['/responses/:response_id', '/responses/:response_id/input_items'], stored);
  router.delete('/responses/:response_id', stored);
  router.post('/responses/:response_id/cancel', stored);
  return router;
}

const checkScope: RequestHandler = ({ method, baseUrl }, response, next) => {
  // Not one of the table: for the log and the metrics.
  response.locals.operation = 'passthrough';
  requireScope(callerOf(response), scopeOf(method.toLowerCase(), baseUrl));
  next();
};

async function passNew(
  link: Link,
  request: Request,
  response: Response,
  { names, write }: AskedBody,
): Promise<void> {
  const { config, pool, limiter } = link.context;
  await limiter.checkTokens(response);
  const { model: named, previous_response_id: previous, stream } = parseBody(namesSchema, names);
  const endpoint = request.path.slice(1);
  const { project: projectId, key: keyId } = callerOf(response);
  if (previous && !(await modelOfResponse(pool, projectId, previous))) {
    throw previousResponseNotFound(previous);
  }
  const { server, model, upstreamModel } = choose(config, endpoint, named, response);
  if (stream === true) await limiter.holdSlot(response, 'streams');
  const { headers, body, texts } = write(upstreamModel);
  const prompt = TEXT_ENDPOINTS.includes(endpoint) ? texts : undefined;
  const counted = { projectId, keyId, endpoint, model, prompt };
  const asked = { endpoint, model: upstreamModel, baseUrl: server.baseUrl };
  await inModelSpan(asked, (report) => {
    const tap = (type: string) => countingTap(link.context, { ...counted, report }, type);
    return passOn(link, request, response, { server, headers, body, tap, report });
  });
}

/** What is asked of a response that a model server keeps: only the project that made it may. */
async function passStored(link: Link, request: Request, response: Response): Promise<void> {
  const { config, pool, limiter } = link.context;
  const id = String(request.params.response_id);
  const model = await modelOfResponse(pool, projectOf(response), id);
  const destination = model === undefined ? undefined : passedTarget(config, 'responses', model);
  if (destination === undefined) throw noSuchResponse(id);
  if (request.query.stream === 'true') await limiter.holdSlot(response, 'streams');
  await passOn(link, request, response, { server: destination.server, headers: {}, body: null });
}

const namesSchema = z.object({
  model: z
    .string()
    .max(LIMITS.model)
    .regex(/^\P{Cc}*$/u)
    .nullish(),
  previous_response_id: z.string().nullish(),
  stream: z.unknown().optional(),
});

/**
 * A deployment of Azure's counts when the models file names it, and otherwise when the body names no model.
 * @throws ApiError 404, 400
 */
function choose(
  config: ConfigOf<'api'>,
  endpoint: string,
  named: string | null | undefined,
  { locals }: Response,
): Destination {
  const deployment = locals.deployment as string | undefined;
  const isDeployed = config.models.some(({ id }) => id === deployment);
  const model = (isDeployed ? deployment : named || deployment) ?? '';
  const destination = passedTarget(config, endpoint, model);
  if (destination !== undefined) return destination;
  throw model === '' ? missingModel() : modelNotFound(model);
}
