/**
 * Serves declared operations. Ids, query and body are checked first. Then the handler runs, in a transaction if it writes;
 * after the commit its deliveries are dispatched and its object or stream is sent.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Request, Response } from 'express';
import { Router } from 'express';

import type { StoredBlob } from '../db/blobs/blobs.ts';
import { deleteBlob } from '../db/blobs/blobs.ts';
import { withIdempotencyKey } from '../db/core/idempotency.ts';
import { inWholeDatabase } from '../db/core/row-scope.ts';
import { runExists } from '../db/runs/read-runs.ts';
import { notFound } from '../wire/errors/errors.ts';
import type { IdParam } from '../wire/ids.ts';
import { checkFileId, checkId } from '../wire/ids.ts';
import { parseBody, parseLargeBody } from '../wire/requests/body.ts';
import { parseForm } from '../wire/requests/files.ts';
import { parseQuery } from '../wire/requests/queries.ts';
import { logOperation, recordOperation } from './audit.ts';
import type { ApiContext } from './context.ts';
import { callerOf, requireScope } from './http/auth.ts';
import { fromFormerAnswer, idempotencyOf } from './idempotency.ts';
import { checkQuota, quotaOf } from './limits/owners.ts';
import { withStoredForm } from './http/multipart.ts';
import type { Call, Operation, Written } from './operation.ts';
import { idNames } from './operation.ts';
import type { StreamedRun } from './stream-run.ts';
import { streamRun } from './stream-run.ts';

type AnyCall = Call<string, unknown, unknown>;
type Outcome = Written<unknown> & { replayed: boolean };

/** Mounted at /v1. A literal path segment wins over an id; the order of the operations does not matter. */
export function operationRoutes(context: ApiContext, operations: readonly Operation[]): Router {
  const router = Router();
  const order = ({ path }: Operation) => path.replaceAll('{', '~');
  for (const operation of operations.toSorted((a, b) => (order(a) < order(b) ? -1 : 1))) {
    router[operation.method](routeOf(operation), (request: Request, response: Response) =>
      serve(context, operation, request, response),
    );
  }
  return router;
}

/** The id of a model may hold slashes. */
export function routeOf({ path }: Operation): string {
  return path.replace('{model}', '*model').replaceAll(/\{(\w+)\}/g, ':$1');
}

async function serve(
  context: ApiContext,
  operation: Operation,
  request: Request,
  response: Response,
): Promise<void> {
  response.locals.operation = operation.id;
  requireScope(callerOf(response), operation.scope);
  const answer = () => serveCall(context, operation, request, response);
  // Administrators name the project.
  return operation.scope === 'admin' ? inWholeDatabase(answer) : answer();
}

async function serveCall(
  context: ApiContext,
  operation: Operation,
  request: Request,
  response: Response,
): Promise<void> {
  const caller = callerOf(response);
  const call = {
    context,
    pool: context.pool,
    caller,
    project: caller.project,
    ids: idsOf(operation, request.params),
    query: operation.query && parseQuery(operation.query, request.query),
    body: await bodyOf(operation, request, response),
  };
  await limit(operation, call, response);
  await operation.before?.(call);
  if (operation.send !== undefined) return operation.send(call, response);
  const perform = operation.form === undefined ? performCall : performForm;
  const answer = async () =>
    respond(operation, call, await perform(operation, call, response), response);
  const isPlainRead = operation.method === 'get' && operation.stream === undefined;
  await (isPlainRead ? context.inAnswerSlot(response, answer) : answer());
}

function bodyOf({ body, form }: Operation, request: Request, response: Response): unknown {
  if (body === undefined || form !== undefined) return undefined;
  if (response.locals.isLongBody !== true) return parseBody(body, request.body);
  return parseLargeBody(body, request.body, nextTurn);
}

/** What does not hold for every request: app.ts counts those. @throws ApiError 429, 400 */
async function limit(operation: Operation, call: AnyCall, response: Response): Promise<void> {
  const { limiter } = call.context;
  if (operation.stores) checkQuota(call.context.config, call.caller);
  if (operation.rateClass === 'run') await limiter.checkTokens(response);
  if (operation.rateClass === 'search') await limiter.holdSlot(response, 'searches');
  if (operation.stream?.(call, 0) !== undefined) await limiter.holdSlot(response, 'streams');
}

/** @throws ApiError 400 for ids without the right prefix; 404 for one that no file can have */
function idsOf({ path }: Operation, params: Record<string, unknown>): Record<string, string> {
  const check = (name: string, value: string) => {
    if (name === 'model') return value;
    if (path.startsWith('/files/')) return checkFileId(value);
    const param = path.startsWith('/batches/') ? `batches/${name}` : name;
    return checkId(param as IdParam, value);
  };
  return Object.fromEntries(
    idNames(path).map((name) => [name, check(name, [params[name]].flat().join('/'))]),
  );
}

async function performForm(
  operation: Operation,
  call: AnyCall,
  response: Response,
): Promise<Outcome> {
  const { form: file, body: fields } = operation;
  const maxBytes = file!.maxBytes(call.context.config);
  const quotaBytes = file!.reserved ? undefined : quotaOf(call.context.config, call.caller);
  const options = { pool: call.pool, field: file!.field, maxBytes, quotaBytes };
  return withStoredForm(response.req, response, options, async (form) => {
    const body = parseForm(fields!, form, file!.field);
    const { blob } = form.file!;
    const outcome = await performCall(operation, { ...call, body, blob }, response);
    if (outcome.replayed) await deleteBlob(call.pool, blob.id);
    return outcome;
  });
}

async function performCall(
  operation: Operation,
  call: AnyCall & { blob?: StoredBlob },
  { req: request }: Response,
): Promise<Outcome> {
  if (operation.write === undefined) {
    return { object: await operation.read!(call), replayed: false };
  }
  const { blob } = call;
  // Two requests are the same only if the contents of their files are.
  const body = blob ? { ...call.body!, sha256: blob.sha256.toString('hex') } : request.body;
  const key = operation.idempotent && idempotencyOf({ ...operation, ...call }, request, body);
  if (key) await nextTurn();
  const written = await withIdempotencyKey(call.pool, key, async (tx) => {
    const done = await operation.write!({ ...call, tx, blob: blob! });
    await recordOperation(tx, operation, call, done);
    return done;
  });
  const outcome = fromFormerAnswer(written);
  if (!outcome.replayed) logOperation(operation, call, outcome);
  // The deliveries of a repeated request were dispatched by the first, or the worker repeats them.
  const deliveries = outcome.replayed ? [] : (outcome.deliveries ?? []);
  for (const delivery of deliveries) call.context.dispatcher.dispatch(delivery);
  return outcome;
}

async function respond(
  operation: Operation,
  call: AnyCall,
  { object, beforeSeq, replayed }: Outcome,
  response: Response,
): Promise<void> {
  const { context, pool } = call;
  const stream = operation.stream?.(call, beforeSeq ?? 0);
  if (stream !== undefined) {
    const run = object as StreamedRun;
    if (replayed && !(await runExists(pool, run.id))) throw notFound('run', run.id);
    return streamRun(context, response, run, stream);
  }
  // The poll helpers of the clients wait this long instead of five seconds.
  if (operation.polled?.(object)) {
    response.set('openai-poll-after-ms', String(context.config.pollAfterMs));
  }
  response.json(object);
}
