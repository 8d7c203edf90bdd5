/** One answer of the model: claim the turn, stream, store. Text goes to Postgres, ids and kinds to the workflow. */
import { log } from '@temporalio/activity';
import { APIConnectionError } from 'openai';

import { costOf } from '../../config/price.ts';
import type { UpstreamAnswer } from '../../db/batches/upstream-turns.ts';
import { askDirectly } from '../../db/batches/upstream-turns.ts';
import { currentScope } from '../../db/core/row-scope.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import type { TurnEnd, TurnResult } from '../../db/turns/finish-turn.ts';
import { recordLostRequest } from '../../db/runs/explain-run.ts';
import { countLostUsage, finishTurn } from '../../db/turns/finish-turn.ts';
import type { TurnRef } from '../../db/turns/open-step.ts';
import type { ClaimedRun } from '../../db/runs/transitions.ts';
import type { LostRequest, TurnRequest } from '../../wire/explanation.ts';
import type { RunId } from '../../wire/ids.ts';
import type { TokenCounts } from '../../wire/rows.ts';
import { pauseBatchFor } from '../../db/batches/transitions.ts';
import { chargeAnswer } from '../../db/projects/model-rates.ts';
import { attempt, throughOutages } from '../attempt.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { HeldError, ModelOutageError, ModelStreamError } from '../failures.ts';
import { isOverload, passGate, yieldTo } from '../model-gate.ts';
import { ChunkAccumulator } from '../model/answer/accumulate-chunks.ts';
import { endOfAnswer } from '../model/answer/map-finish-reason.ts';
import type { ModelServer } from '../model/client.ts';
import { adapt, measureTokens } from '../model/client.ts';
import { usesFileSearch } from '../model/request/build-tools.ts';
import { ModelServerError } from '../model/server-error.ts';
import type { Crowded, Place } from '../slot-shares.ts';
import { inPlace } from '../slot-shares.ts';
import type { ModelRequest } from './build-model-request.ts';
import { buildModelRequest } from './build-model-request.ts';
import type { Handed } from './handed-turn.ts';
import { answering, handOverTurn, placeOfTurn } from './handed-turn.ts';
import { inAnswerSpan, observeAnswer } from './observe-answer.ts';
import { streamAnswer } from './stream-answer.ts';
import { TurnWriter } from './turn-writer.ts';
import { waitForFiles } from './wait-for-files.ts';

/** Requests of one attempt that differ only in fields that the server has refused. */
const MAX_ADAPTATIONS = 8;
/** A server that breaks off every answer as overloaded is not asked for ever. */
const MAX_LOST_ANSWERS = 5;
/** By then the batch is paused, and the next attempt is held. */
const PAUSE_MS = 1_000;
/** Calls in one turn. */
const MAX_CALLS = 128;

const NOTHING_USED: TokenCounts = {
  prompt_tokens: 0,
  completion_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
};

/** The batch of the run is paused. */
export type Held = { kind: 'held' };

export async function modelTurn(
  deps: ActivityDependencies,
  { runId, turn, ...place }: { runId: RunId; turn: number } & Place,
): Promise<TurnResult | Held | Handed | Crowded> {
  return attempt(deps, runId, ({ signal, owner }) =>
    inPlace(deps, place, signal, () => claimAndTake(deps, { runId, turn, owner }, signal)),
  );
}

async function claimAndTake(
  deps: ActivityDependencies,
  ref: TurnRef,
  signal: AbortSignal,
): Promise<TurnResult | Held | Handed> {
  const project = currentScope() ?? '';
  const claim = await deps.beginnings.hold(project, signal, () => claimTurn(deps.pool, ref));
  if (claim.kind === 'done') return claim.result;
  if (ref.turn === 0 && usesFileSearch(claim.run)) await waitForFiles(deps, claim.run, signal);
  return takeTurn(deps, claim.run, ref, signal);
}

/** When the server refuses a field or a size, a changed request follows in the same attempt. */
async function takeTurn(
  deps: ActivityDependencies,
  run: ClaimedRun,
  ref: TurnRef,
  signal: AbortSignal,
): Promise<TurnResult | Held | Handed> {
  const server = deps.models.resolve(run.model);
  if (server === undefined) {
    throw new ModelStreamError(`No model server is configured for '${run.model}'.`, {
      retryable: false,
    });
  }
  const place = await placeOfTurn(deps, run, ref.turn, server);
  if (place.kind === 'handed') return place;
  let stored = place.kind === 'answered' ? place.answer : undefined;
  let refused: { error: unknown; promptTokens: number } | undefined;
  for (let adaptations = 0; ; adaptations++) {
    const request = await deps.beginnings.hold(run.project_id, signal, () =>
      buildModelRequest(deps, run, ref.turn, server),
    );
    if (request.kind === 'exhausted') {
      return finishTurn(deps.pool, ref, outOfBudget(request.reason));
    }
    if (refused !== undefined && request.promptTokens >= refused.promptTokens) throw refused.error;
    if (place.kind === 'hand over' && (await handOverTurn(deps, run, ref.turn, request.body))) {
      return { kind: 'handed', ms: place.ms };
    }
    // An answer that came in a batch is neither held nor counted by the limits of the model.
    const isAsked = stored === undefined;
    if (isAsked && (await isHeld(deps, run, { server, request }, signal))) return { kind: 'held' };
    const sentAt = Date.now();
    const sent = () => ({ ...request.parts, sent_at: sentAt, duration_ms: Date.now() - sentAt });
    try {
      const end = await streamTurn(deps, { run, ref, server, request, stored }, signal);
      end.request = sent();
      // The answer is paid for: an outage of the database does not cost it.
      const result = await throughOutages(() => finishTurn(deps.pool, ref, end), signal);
      const { limits } = server.target;
      const { completion_tokens: tokens } = end.usage;
      // Nor does it cost the result, which is stored: then the model's limit forgets these tokens.
      if (isAsked) await chargeAnswer(deps.pool, limits, tokens).catch(() => {});
      return result;
    } catch (error) {
      signal.throwIfAborted();
      report(error);
      await recordLost(deps, ref, sent(), error);
      stored = undefined;
      const lesson = adaptations < MAX_ADAPTATIONS ? adapt(server, error, request) : undefined;
      if (lesson === undefined) throw await asDelay(deps, run, error, server);
      refused = lesson === 'smaller' ? { error, promptTokens: request.promptTokens } : undefined;
    }
  }
}

async function isHeld(
  { pool }: ActivityDependencies,
  { id: runId, batch_id: batchId }: ClaimedRun,
  { server, request }: { server: ModelServer; request: ModelRequest },
  signal: AbortSignal,
): Promise<boolean> {
  const { limits } = server.target;
  const line = batchId === null ? null : { batchId, runId };
  const gated = { limits, tokens: request.promptTokens, line };
  return (await passGate(pool, gated, signal)) === 'held';
}

/** A server that is away is tried again for a while; an overloaded one, by a batch, until the run expires. */
async function asDelay(
  { pool }: ActivityDependencies,
  { batch_id: batchId, model, lost_answers: lost }: ClaimedRun,
  error: unknown,
  server: ModelServer,
): Promise<unknown> {
  const overload = error instanceof ModelServerError && isOverload(error);
  if (batchId !== null && overload && lost < MAX_LOST_ANSWERS) {
    return yieldTo(pool, [batchId, model], error);
  }
  if (batchId !== null && error instanceof ModelServerError && error.outOfQuota) {
    await pauseBatchFor(pool, batchId, 'insufficient_quota');
    return new HeldError('The account at the model server has no quota left.', PAUSE_MS);
  }
  const away =
    error instanceof APIConnectionError || (error instanceof ModelServerError && error.transient);
  return away ? outage(error, server) : error;
}

function outage(cause: ModelOutageError['cause'], { facts }: ModelServer): ModelOutageError {
  return new ModelOutageError(cause, facts.profile.retry_seconds);
}

type Turn = {
  run: ClaimedRun;
  ref: TurnRef;
  server: ModelServer;
  request: ModelRequest;
  /** The answer came in a batch. */
  stored: UpstreamAnswer | undefined;
};

/** Sends the request and streams the answer. Nothing of it ends the turn yet. */
async function streamTurn(
  deps: ActivityDependencies,
  { run, ref, server, request, stored }: Turn,
  signal: AbortSignal,
): Promise<TurnEnd> {
  const writer = new TurnWriter(deps, run, ref, { ...request, hasMessage: run.has_message });
  const answer = new ChunkAccumulator({
    offered: request.offered,
    maxCalls: run.tool_choice === 'none' ? 0 : run.parallel_tool_calls ? MAX_CALLS : 1,
    thinking: server.facts.profile.thinking,
  });
  const observe = stored === undefined ? observeAnswer(server, run, ref, writer) : () => {};
  const priced = (counts: TokenCounts) => ({
    ...counts,
    cost: costOf(counts, deps.priceOf(run.model), stored !== undefined),
  });
  try {
    const count = (text: string) => deps.tokens.sum(run.project_id, [text]);
    const source = stored === undefined ? server : answering(server, stored);
    const ask = () => streamAnswer(source, request, { answer, writer, count }, signal);
    const finish = await (stored === undefined ? inAnswerSpan(server, answer, ask) : ask());
    observe(undefined);
    const { message, toolCalls } = await writer.finish();
    const { end, incomplete } = endOfAnswer(finish, toolCalls);
    const usage = answer.usage ?? (await estimate(request, writer));
    if (request.measurable) measureTokens(server.facts, request.promptTokens, usage.prompt_tokens);
    return {
      ...end,
      usage: priced(usage),
      toolCalls,
      upstream: { server: server.target.baseUrl, ...answer.upstream() },
      message: message && { ...message, incomplete },
    };
  } catch (error) {
    if (!signal.aborted) observe(error);
    await writer.abandon();
    if (stored !== undefined) {
      // Another attempt reads the same answer, unless it is the answer that cannot be used.
      if (!(error instanceof ModelStreamError || error instanceof ModelServerError)) throw error;
      await askDirectly(deps.pool, run.id, ref.turn, ['answered']);
    }
    const counts = answer.usage ?? (answer.answered ? await estimate(request, writer) : undefined);
    const usage = counts && priced(counts);
    // Without a database there is nowhere to count, and the error is what matters.
    if (usage !== undefined) await countLostUsage(deps.pool, run.id, usage).catch(() => {});
    if (!(error instanceof ModelStreamError)) throw error;
    if (!writer.silent) error.lostAnswers = run.lost_answers + 1;
    throw error.lost && !answer.answered ? outage(error, server) : error;
  }
}

/** For a server that reports no usage. */
async function estimate({ promptTokens }: ModelRequest, writer: TurnWriter): Promise<TokenCounts> {
  const completionTokens = await writer.countTokens();
  return { ...NOTHING_USED, prompt_tokens: promptTokens, completion_tokens: completionTokens };
}

/** Without a database there is nowhere to record it, and the error is what matters. */
async function recordLost(
  { pool }: ActivityDependencies,
  ref: TurnRef,
  request: TurnRequest,
  error: unknown,
): Promise<void> {
  const kind = kindOf(error);
  if (kind === undefined) return;
  const status = error instanceof ModelServerError ? (error.status ?? null) : null;
  await recordLostRequest(pool, ref, { ...request, error: kind, status }).catch(() => {});
}

/** Undefined: the request was answered. */
function kindOf(error: unknown): LostRequest['error'] | undefined {
  if (error instanceof ModelServerError) return 'model_server';
  const cause = error instanceof ModelOutageError ? error.cause : error;
  if (cause instanceof APIConnectionError) return 'connection';
  return cause instanceof ModelStreamError || cause instanceof ModelServerError
    ? 'stream'
    : undefined;
}

/** The log gets the reason: a client reads only that the server refused. */
function report(error: unknown): void {
  if (!(error instanceof ModelServerError)) return;
  const { url, status, reason } = error;
  log.warn('The model server refused a request', { url, status, reason });
}

function outOfBudget(reason: 'max_prompt_tokens' | 'max_completion_tokens'): TurnEnd {
  const nothing = { usage: NOTHING_USED, message: null, toolCalls: [], upstream: null };
  return { status: 'incomplete', reason, ...nothing };
}
