/** Loads what a turn sends to the model, within the run's token budgets. */
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';

import type { ModelTarget } from '../config.ts';
import { findFiles } from '../db/find-files.ts';
import { chooseWindow, readMessageTexts, readWindow } from '../db/messages.ts';
import type { Pool } from '../db/pool.ts';
import { readRunSteps } from '../db/run-steps.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { countWaiting } from '../db/waiting-files.ts';
import type { Sources } from '../wire/citations.ts';
import { sourcesOf } from '../wire/citations.ts';
import type { RunRow, RunStepRow } from '../wire/rows.ts';
import { countTokens } from '../wire/tokens.ts';
import { buildMessages, resultText, systemPrompt } from './model/build-messages.ts';
import {
  buildToolChoice,
  buildTools,
  codeInterpreterPrompt,
  fileSearchPrompt,
  usesCodeInterpreter,
  usesFileSearch,
} from './model/build-tools.ts';
import { nameFiles } from '../wire/code-file-names.ts';
import { pendingImages } from './model/pending-images.ts';
import { readImages } from './read-images.ts';

export type Context =
  | {
      kind: 'ready';
      request: ChatCompletionCreateParamsStreaming;
      promptTokens: number;
      /** Files that the run's next message begins with. */
      images: string[];
      /** What its marks may cite. */
      sources: Sources;
    }
  /** The budget leaves no room for even the newest message. */
  | { kind: 'exhausted'; reason: 'max_prompt_tokens' | 'max_completion_tokens' };

type Deps = { pool: Pool; sandbox: Sandbox; cellSeconds: number };

/** Room kept for the answer when the run does not limit it. */
const ANSWER_SHARE = 4;
const LARGEST_ANSWER = 16_384;

export async function buildContext(
  deps: Deps,
  run: RunRow,
  turn: number,
  target: ModelTarget,
): Promise<Context> {
  const completionLeft = left(run.max_completion_tokens, run.completion_tokens);
  if (completionLeft !== null && completionLeft <= 0)
    return { kind: 'exhausted', reason: 'max_completion_tokens' };
  const promptLeft = left(run.max_prompt_tokens, run.prompt_tokens);
  const tools = buildTools(run);
  const system = systemPrompt(run, [
    usesCodeInterpreter(run) ? await codePrompt(deps, run) : null,
    usesFileSearch(run) ? fileSearchPrompt(await countWaiting(deps.pool, run.id)) : null,
  ]);
  const steps = turn === 0 ? [] : await readRunSteps(deps.pool, run.id);
  const fixed =
    countTokens(system ?? '') +
    (tools.length === 0 ? 0 : countTokens(JSON.stringify(tools))) +
    stepTokens(steps);

  const answer =
    completionLeft ?? Math.min(Math.floor(target.contextWindow / ANSWER_SHARE), LARGEST_ANSWER);
  const budget = Math.min(target.contextWindow - answer, promptLeft ?? Infinity) - fixed;
  if (budget <= 0 && promptLeft !== null) return { kind: 'exhausted', reason: 'max_prompt_tokens' };
  const window = await chooseWindow(
    deps.pool,
    run.thread_id,
    run.window_end_seq,
    Math.max(0, budget),
    run.truncation_strategy,
  );
  const nothingFits = window.startSeq > run.window_end_seq && run.window_end_seq > 0;
  if (nothingFits && promptLeft !== null) return { kind: 'exhausted', reason: 'max_prompt_tokens' };

  const messages = await readWindow(
    deps.pool,
    run.thread_id,
    nothingFits ? newestOnly(run) : window,
  );
  const kept = fitFirst(messages, window.startSeq, budget, run);
  const texts = turn === 0 ? new Map<string, string>() : await readMessageTexts(deps.pool, run.id);
  const images = await readImages(deps.pool, run.project_id, kept, target.vision);
  const promptTokens = fixed + kept.reduce((sum, message) => sum + message.tokens, 0);
  return {
    kind: 'ready',
    promptTokens,
    images: pendingImages(steps),
    sources: sourcesOf(steps, run.window_end_seq),
    request: {
      model: target.upstreamModel,
      messages: buildMessages(system, kept, steps, {
        texts,
        images,
        messageNumber: run.window_end_seq,
      }),
      stream: true,
      stream_options: { include_usage: true },
      ...(tools.length === 0 ? {} : { tools, tool_choice: buildToolChoice(run, turn) }),
      ...(tools.length > 0 && !run.parallel_tool_calls ? { parallel_tool_calls: false } : {}),
      ...(completionLeft === null ? {} : { max_completion_tokens: completionLeft }),
      ...(run.temperature === 1 ? {} : { temperature: run.temperature }),
      ...(run.top_p === 1 ? {} : { top_p: run.top_p }),
      ...(run.reasoning_effort === null ? {} : { reasoning_effort: run.reasoning_effort as 'low' }),
      ...responseFormat(run),
    },
  };
}

async function codePrompt(deps: Deps, run: RunRow): Promise<string> {
  const files = await findFiles(deps.pool, run.project_id, run.code_file_ids);
  const names = nameFiles(
    files.flatMap(({ id, content }) => (content === null ? [] : [{ id, ...content }])),
  );
  return codeInterpreterPrompt(
    deps.sandbox.status,
    deps.cellSeconds,
    files.map(({ id }) => ({ id, name: names.get(id) ?? null })),
  );
}

function left(limit: number | null, used: number): number | null {
  return limit === null ? null : limit - used;
}

function newestOnly(run: RunRow): { startSeq: number; endSeq: number } {
  return { startSeq: run.window_end_seq, endSeq: run.window_end_seq };
}

/** The thread's first message is worth so much of the room at most: newer ones make place for it. */
const FIRST_SHARE = 4;

/** `auto` drops messages from the middle: the thread's first message stays, and the oldest of the window go instead. */
function fitFirst<M extends { seq: number; tokens: number }>(
  messages: M[],
  startSeq: number,
  budget: number,
  run: RunRow,
): M[] {
  const [first, ...newest] = messages;
  if (first === undefined || first.seq >= startSeq) return messages;
  if (run.truncation_strategy.type !== 'auto' || first.tokens > budget / FIRST_SHARE) return newest;
  let total = messages.reduce((sum, message) => sum + message.tokens, 0);
  while (total > budget && newest.length > 1) total -= newest.shift()!.tokens;
  return total > budget ? newest : [first, ...newest];
}

function stepTokens(steps: RunStepRow[]): number {
  const calls = steps.flatMap((step) => step.tool_calls);
  return calls.reduce(
    (sum, call) => sum + countTokens(call.input) + countTokens(resultText(call)),
    0,
  );
}

function responseFormat(run: RunRow): Pick<ChatCompletionCreateParamsStreaming, 'response_format'> {
  const format = run.response_format;
  if (format === 'auto' || format.type === 'text') return {};
  return { response_format: format };
}
