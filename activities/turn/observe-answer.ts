/** Counts one request to a model server, and gives it a span: how long it took, when its answer began, and why it failed. */
import { APIConnectionError } from 'openai';

import type { TurnRef } from '../../db/turns/open-step.ts';
import type { ClaimedRun } from '../../db/runs/transitions.ts';
import { modelAsked, runAnswered } from '../../telemetry/metrics.ts';
import { inModelSpan } from '../../telemetry/model-span.ts';
import { timeOfId } from '../../wire/ids.ts';
import { ModelStreamError } from '../failures.ts';
import type { ChunkAccumulator } from '../model/answer/accumulate-chunks.ts';
import type { ModelServer } from '../model/client.ts';
import { ModelServerError } from '../model/server-error.ts';
import type { TurnWriter } from './turn-writer.ts';

/** The returned function ends it, once: later calls are for errors that are not the model server's. */
export function observeAnswer(
  { target }: ModelServer,
  run: ClaimedRun,
  { turn }: TurnRef,
  writer: TurnWriter,
): (error: unknown) => void {
  const startedAt = performance.now();
  let isOpen = true;
  return (error) => {
    if (!isOpen) return;
    isOpen = false;
    const { firstPartAt } = writer;
    modelAsked({
      model: run.model,
      baseUrl: target.baseUrl,
      seconds: (performance.now() - startedAt) / 1_000,
      firstSeconds: firstPartAt === undefined ? undefined : (firstPartAt - startedAt) / 1_000,
      failure: error === undefined ? undefined : reasonOf(error),
    });
    const createdAt = timeOfId(run.id);
    if (turn > 0 || run.lost_answers > 0 || firstPartAt === undefined || !createdAt) return;
    runAnswered(Math.max(0, performance.timeOrigin + firstPartAt - createdAt) / 1_000);
  };
}

/** One word: the text of an error would make a series of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof ModelServerError) return String(error.status ?? 'stream_error');
  if (error instanceof APIConnectionError) return 'connection';
  if (error instanceof ModelStreamError) return error.lost ? 'cut_off' : 'bad_answer';
  return 'other';
}

/** The server gets the trace of this span. */
export function inAnswerSpan<T>(
  { target }: ModelServer,
  answer: ChunkAccumulator,
  work: () => Promise<T>,
): Promise<T> {
  const { upstreamModel: model, baseUrl } = target;
  const asked = { endpoint: 'chat/completions', model, baseUrl };
  return inModelSpan(asked, async (report) => {
    try {
      return await work();
    } finally {
      const { finishReason, usage } = answer;
      report?.({
        model: answer.model,
        finishReasons: finishReason === null ? [] : [finishReason],
        inputTokens: usage?.prompt_tokens,
        outputTokens: usage?.completion_tokens,
      });
    }
  });
}
