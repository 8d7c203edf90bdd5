/** A line that has no run: its body goes to the server of its model, and the answer is stored with the line. */
import { ApplicationFailure, log } from '@temporalio/activity';
import { Agent, request as send } from 'undici';

import { costOf } from '../../config/price.ts';
import { endPassedLine, readPassedLine } from '../../db/batches/passed-lines.ts';
import type { PassedLine } from '../../db/batches/passed-lines.ts';
import type { Spent } from '../../db/batches/spend.ts';
import { pauseBatchFor } from '../../db/batches/transitions.ts';
import type { LineResponse } from '../../db/batches/results.ts';
import { readBlobPart } from '../../db/blobs/blob-parts.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { PassedRequest } from '../../db/projects/model-usage.ts';
import { addModelUsage } from '../../db/projects/model-usage.ts';
import type { ModelLimits } from '../../db/projects/model-rates.ts';
import { chargeAnswer } from '../../db/projects/model-rates.ts';
import { modelOfResponse, rememberResponse } from '../../db/projects/passed-responses.ts';
import { ApiError } from '../../wire/errors/errors.ts';
import { fieldsOf } from '../../wire/errors/foreign-errors.ts';
import { modelNotFound, previousResponseNotFound } from '../../wire/errors/http-errors.ts';
import type { BatchId } from '../../wire/ids.ts';
import { passedBodySchema } from '../../wire/batches/requests.ts';
import { readUsage } from '../../wire/reported-usage.ts';
import { jsonOr } from '../../wire/text.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { ActivityDependencies, PassedTarget } from '../dependencies.ts';
import { fromHold, HeldError } from '../failures.ts';
import { isOverload, passGate, yieldTo } from '../model-gate.ts';
import type { ReportAnswer } from '../../telemetry/model-span.ts';
import { inModelSpan, describeAnswer } from '../../telemetry/model-span.ts';
import { traceHeaders } from '../../telemetry/trace.ts';
import { ModelServerError } from '../model/server-error.ts';
import { beating } from '../ingest/ingest-file.ts';

/** In ms. A model may think for long before it answers. */
const WAIT_MS = 1_800_000;
const LONGEST_RETRY_MS = 3_600_000;
const agent = new Agent({ headersTimeout: WAIT_MS, bodyTimeout: WAIT_MS, allowH2: false });

/** `held`: the batch is paused. */
export type PassResult = { kind: 'ended' | 'held' };

export async function passLine(
  deps: ActivityDependencies,
  batchId: BatchId,
  line: number,
): Promise<PassResult> {
  return beating(async (signal) => {
    const found = await readPassedLine(deps.pool, batchId, line);
    if (found === undefined) return { kind: 'ended' };
    const ref = { ...found, batchId, line };
    const answered = await answer(deps, ref, signal).catch(async (error: unknown) => {
      if (error instanceof ApiError) return { response: refused(error), used: undefined };
      if (error instanceof HeldError) throw fromHold(error);
      if (!(error instanceof ModelServerError)) throw error;
      if (error.outOfQuota) await pauseBatchFor(deps.pool, batchId, 'insufficient_quota');
      throw asFailure(error);
    });
    if (answered === 'held') return { kind: 'held' };
    await end(deps, [batchId, line], answered);
    return { kind: 'ended' };
  });
}

const refused = (error: ApiError): LineResponse => ({
  status_code: error.status,
  body: error.toJSON(),
});

type Answered = {
  response: LineResponse;
  used: { spent: Spent; passed: PassedRequest } | undefined;
};

/** What a line used counts once, with its answer: of two attempts one ends the line. */
async function end(
  { pool }: ActivityDependencies,
  line: [BatchId, number],
  { response, used }: Answered,
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const ended = await endPassedLine(tx, line, response, used?.spent);
    if (ended && used !== undefined) await addModelUsage(tx, used.passed);
  });
}

type Asked = PassedTarget & {
  endpoint: string;
  body: Record<string, unknown>;
  signal: AbortSignal;
  report: ReportAnswer;
};

/** @throws ApiError for what another try cannot change */
async function answer(
  deps: ActivityDependencies,
  line: PassedLine & { batchId: BatchId; line: number },
  signal: AbortSignal,
): Promise<Answered | 'held'> {
  const { pool } = deps;
  const text = (await readBlobPart(pool, line.input_blob_id, line, line.bytes)).toString();
  const { body: given } = JSON.parse(text.trim()) as { body: unknown };
  const body = parseBody(passedBodySchema, given);
  const { model, previous_response_id: previous } = body;
  if (previous && !(await modelOfResponse(pool, line.project_id, previous))) {
    throw previousResponseNotFound(previous);
  }
  const endpoint = line.url.slice('/v1/'.length);
  const target = deps.target(endpoint, model);
  if (target === undefined) throw modelNotFound(model);
  const { limits = { model } } = target;
  const tokens = limits.tokensPerMinute ? await deps.tokens.sum(line.project_id, [text]) : 0;
  if ((await passGate(pool, { limits, tokens, line }, signal)) === 'held') return 'held';
  const asked = { endpoint, model: target.upstreamModel, baseUrl: target.server.baseUrl };
  const response = await inModelSpan(asked, (report) =>
    ask({ ...target, endpoint, body, signal, report }),
  ).catch(async (error: unknown) => {
    if (!(error instanceof ModelServerError) || !isOverload(error)) throw error;
    throw await yieldTo(pool, [line.batchId, limits.model], error);
  });
  return { response, used: await record(deps, line, { endpoint, limits, response }) };
}

/** It is tried again, after the time that the server asks for. */
function asFailure({ status, retryAfterMs = 0 }: ModelServerError): ApplicationFailure {
  const wait = Math.min(retryAfterMs, LONGEST_RETRY_MS);
  return ApplicationFailure.create({
    message: `The model server answered ${status}.`,
    ...(wait > 0 && { nextRetryDelay: wait }),
  });
}

/** @throws ModelServerError for what can be answered later */
async function ask({
  server,
  upstreamModel,
  endpoint,
  body,
  signal,
  report,
}: Asked): Promise<LineResponse> {
  const answered = await send(`${server.baseUrl}/${endpoint}`, {
    dispatcher: agent,
    method: 'POST',
    headers: {
      ...traceHeaders(),
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      'user-agent': 'threadmill',
    },
    body: JSON.stringify({ ...body, model: upstreamModel }),
    signal,
  });
  const { statusCode: status } = answered;
  const text = await answered.body.text();
  const content = jsonOr(text, text);
  report?.({ status, ...describeAnswer(content) });
  if (status < 300) return { status_code: status, body: content };
  const { baseUrl: url, apiKey } = server;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answered.headers)) headers.set(name, String(value));
  const error = new ModelServerError({ status, url, body: content, headers, apiKey });
  if (!error.outOfQuota && ![401, 403, 408, 429].includes(status) && status < 500) {
    return { status_code: status, body: content };
  }
  log.info('A model server did not take a line', { status, url, reason: error.reason });
  throw error;
}

type Passed = { endpoint: string; limits: ModelLimits; response: LineResponse };

/** What the server reports that the line used, for its project as for requests that pass through the API. */
async function record(
  { pool, priceOf }: ActivityDependencies,
  { project_id: projectId, key_id: keyId }: PassedLine,
  { endpoint, limits, response }: Passed,
): Promise<Answered['used']> {
  const { model } = limits;
  if (response.status_code !== 200) return undefined;
  const { id, usage } = fieldsOf(response.body);
  if (endpoint === 'responses' && typeof id === 'string') {
    await rememberResponse(pool, projectId, id, model);
  }
  const { total_tokens: totalTokens, ...counts } = readUsage(usage);
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = counts;
  await chargeAnswer(pool, limits, completionTokens);
  const cost = costOf(counts, priceOf(model));
  const used = { promptTokens, completionTokens, totalTokens, cost };
  const passed = { projectId, keyId, model, endpoint, estimated: false, ...used };
  return { spent: { ...counts, cost }, passed };
}
