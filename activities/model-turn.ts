/** One answer of the model: claim the turn, stream, store. Text goes to Postgres, the verdict to the workflow. */
import type { TurnRef } from '../db/turn-objects.ts';
import type { TurnEnd, TurnOutcome, TurnUsage } from '../db/turns.ts';
import { claimTurn, finishTurn } from '../db/turns.ts';
import type { RunRow } from '../wire/rows.ts';
import type OpenAI from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { attempt, attemptName } from './attempt.ts';
import { buildContext } from './context.ts';
import { ModelStreamError } from './failures.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { FinishReason, TurnPart } from './model/accumulate-chunks.ts';
import { ChunkAccumulator } from './model/accumulate-chunks.ts';
import { usesFileSearch } from './model/build-tools.ts';
import { verdictOf } from './model/map-finish-reason.ts';
import { readChunks } from './model/read-chunks.ts';
import { TurnWriter } from './turn-writer.ts';
import { waitForFiles } from './wait-for-files.ts';

/** A stream that stays silent this long is taken for dead. */
const IDLE_MS = 120_000;

const NOTHING_USED: TurnUsage = {
  prompt_tokens: 0,
  completion_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
};

export async function modelTurn(
  deps: ActivityDependencies,
  runId: string,
  turn: number,
): Promise<TurnOutcome> {
  return attempt(deps.control, runId, async (signal) => {
    const ref: TurnRef = { runId, turn, owner: attemptName() };
    const claim = await claimTurn(deps.pool, ref);
    if (claim.kind === 'settled') return claim.outcome;
    if (turn === 0 && usesFileSearch(claim.run)) await waitForFiles(deps, claim.run, signal);
    return takeTurn(deps, claim.run, ref, signal);
  });
}

async function takeTurn(
  deps: ActivityDependencies,
  run: RunRow,
  ref: TurnRef,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const server = deps.models.resolve(run.model);
  if (server === undefined) {
    throw new ModelStreamError(`No model server is configured for '${run.model}'.`, {
      retryable: false,
    });
  }
  const context = await buildContext(deps, run, ref.turn, server.target);
  if (context.kind === 'exhausted') return finishTurn(deps.pool, ref, outOfBudget(context.reason));
  const writer = new TurnWriter(deps.pool, deps.batcher, run, ref, context);
  try {
    const answer = await stream(server.client, context.request, writer, signal);
    const estimate = {
      ...NOTHING_USED,
      prompt_tokens: context.promptTokens,
      completion_tokens: writer.countTokens(),
    };
    const end = endOf(await writer.finish(), answer.finishReason, answer.usage ?? estimate);
    return await finishTurn(deps.pool, ref, end);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** @throws ModelStreamError when the stream ends without saying why: that is a cut, not an answer */
async function stream(
  client: OpenAI,
  request: ChatCompletionCreateParamsStreaming,
  writer: TurnWriter,
  signal: AbortSignal,
): Promise<{ finishReason: FinishReason; usage: TurnUsage | undefined }> {
  const idle = new AbortController();
  const watch = setTimeout(() => idle.abort(), IDLE_MS);
  const chunks = new ChunkAccumulator();
  try {
    const response = await client.chat.completions
      .create(request, { signal: AbortSignal.any([signal, idle.signal]) })
      .asResponse();
    if (response.body !== null) {
      for await (const received of readChunks(response.body)) {
        watch.refresh();
        await writeAll(
          received.flatMap((chunk) => chunks.push(chunk)),
          writer,
        );
      }
    }
  } catch (error) {
    if (idle.signal.aborted) throw silent();
    throw error;
  } finally {
    clearTimeout(watch);
  }
  signal.throwIfAborted();
  if (chunks.finishReason === null) {
    throw new ModelStreamError(
      'The model server closed its stream before the answer was complete.',
      { retryable: true },
    );
  }
  return { finishReason: chunks.finishReason, usage: chunks.usage };
}

/** Most parts only join a queue: there is nothing to wait for. */
async function writeAll(parts: TurnPart[], writer: TurnWriter): Promise<void> {
  for (const part of parts) {
    const pending = writer.write(part);
    if (pending !== undefined) await pending;
  }
}

function silent(): ModelStreamError {
  return new ModelStreamError(`The model server sent nothing for ${IDLE_MS / 1_000} s.`, {
    retryable: true,
  });
}

function endOf(
  written: Pick<TurnEnd, 'message' | 'toolCalls'>,
  finishReason: FinishReason,
  usage: TurnUsage,
): TurnEnd {
  const verdict = verdictOf(finishReason, written.toolCalls);
  const message =
    written.message === null ? null : { ...written.message, incomplete: verdict.incomplete };
  return { ...verdict.end, usage, toolCalls: written.toolCalls, message };
}

function outOfBudget(reason: 'max_prompt_tokens' | 'max_completion_tokens'): TurnEnd {
  return { status: 'incomplete', reason, usage: NOTHING_USED, message: null, toolCalls: [] };
}
