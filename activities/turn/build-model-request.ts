/** Builds the request of a turn, within the run's token budgets and the model's context. */
import { findFiles } from '../../db/files/find-files.ts';
import {
  chooseWindow,
  readMessageTexts,
  readNewestUserMessage,
  readWindow,
} from '../../db/threads/messages.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { TurnStep } from '../../db/runs/run-steps.ts';
import { readRunSteps } from '../../db/runs/run-steps.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { countWaiting } from '../../db/vector-stores/waiting-files.ts';
import { numberSearches, sourcesOf } from '../../wire/citations.ts';
import { nameFiles } from '../../wire/code-file-names.ts';
import type { TurnRequest } from '../../wire/explanation.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { TokenCounter } from '../../tokens/token-counter.ts';
import { ModelStreamError } from '../failures.ts';
import type { KeptMessage, Sized } from './fit-context.ts';
import { cutMessages, fitFirst, shareRoom } from './fit-context.ts';
import { buildMessages, resultText, systemPrompt } from '../model/request/build-messages.ts';
import type { ChatRequest } from '../model/request/build-request.ts';
import { buildRequest } from '../model/request/build-request.ts';
import {
  buildTools,
  codeInterpreterPrompt,
  fileSearchPrompt,
  toolNames,
  usesCodeInterpreter,
  usesFileSearch,
} from '../model/request/build-tools.ts';
import type { ModelServer } from '../model/client.ts';
import { pendingImages } from '../model/request/pending-images.ts';
import { readImages } from './read-images.ts';
import type { WriterOptions } from './turn-writer.ts';

export type ModelRequest = Omit<WriterOptions, 'hasMessage'> & {
  kind: 'ready';
  body: ChatRequest;
  /** As this process counts them. */
  promptTokens: number;
  /** All of it is text: only the server knows the tokens of images. */
  measurable: boolean;
  /** Tokens that the run may still write; null: no limit. */
  completionLeft: number | null;
  /** For its explanation. */
  parts: Omit<TurnRequest, 'sent_at' | 'duration_ms'>;
};

/** The budget leaves no room for even the newest message. */
type Exhausted = { kind: 'exhausted'; reason: 'max_prompt_tokens' | 'max_completion_tokens' };

type Deps = { pool: Pool; sandbox: Sandbox; cellSeconds: number; tokens: TokenCounter };

/** Room kept for the answer: the run's limit, but at most half of the context; a quarter for a run without a limit. */
const ALLOWED_SHARE = 2;
const ANSWER_SHARE = 4;
const LARGEST_ANSWER = 16_384;
/** Results of tools may take three quarters of the room: the rest is the question's. */
const RESULTS_SHARE = 0.75;
/** Less room than this for the newest message makes no sense. */
const LEAST_TOKENS = 64;
/** Turns in a row of which every call was refused. */
const MAX_REFUSED_TURNS = 3;

export async function buildModelRequest(
  deps: Deps,
  run: RunRow,
  turn: number,
  server: ModelServer,
): Promise<ModelRequest | Exhausted> {
  const completionLeft = remaining(run.max_completion_tokens, run.completion_tokens);
  if (completionLeft !== null && completionLeft <= 0) {
    return { kind: 'exhausted', reason: 'max_completion_tokens' };
  }
  const tools = buildTools(run);
  const system = await instructionsOf(deps, run);
  const steps = turn === 0 ? [] : await readRunSteps(deps.pool, run.id);
  checkRefusals(steps);
  const room = await roomOf(run, completionLeft, server);
  const texts = [
    system ?? '',
    tools.length === 0 ? '' : JSON.stringify(tools),
    ...textsOfCalls(steps),
  ];
  const counts = await deps.tokens.count(run.project_id, texts);
  const fixed = counts.reduce((total, tokens) => total + tokens);
  const sized = await resultsOf(deps.tokens, steps, run);
  const results = shareRoom(sized, (room.tokens - fixed) * RESULTS_SHARE);
  const budget = room.tokens - fixed - sum(results);
  if (budget < (room.limited ? 1 : LEAST_TOKENS)) {
    return { kind: 'exhausted', reason: 'max_prompt_tokens' };
  }
  const kept = await chooseMessages(deps.pool, run, budget, room.limited);
  if (kept === 'too long') return { kind: 'exhausted', reason: 'max_prompt_tokens' };
  const answers =
    turn === 0 ? new Map<string, string>() : await readMessageTexts(deps.pool, run.id);
  const images = await readImages(deps.pool, run.project_id, kept, server.target.vision);
  const messages = buildMessages(system, kept, steps, {
    texts: answers,
    images,
    results: new Map(results.map(({ id, text }) => [id, text])),
    server: server.target.baseUrl,
  });
  const promptTokens = fixed + sum(results) + sum(kept);
  const completionLimit = limitOf(completionLeft, promptTokens, server);
  const parts = { model: server.target.upstreamModel, messages, tools, turn, completionLimit };
  return {
    kind: 'ready',
    promptTokens,
    measurable: kept.every(({ content }) => content.every(({ type }) => type === 'text')),
    completionLeft,
    parts: partsOf(counts, { results, kept, room }),
    images: pendingImages(steps),
    sources: sourcesOf(steps, run.window_end_seq),
    offered: toolNames(tools),
    body: buildRequest(run, parts, server.facts.profile),
  };
}

/** What chat templates add to a prompt. */
const TEMPLATE_TOKENS = 64;

/** A run's limit covers all its answers; one answer cannot ask for more than the model can give. */
function limitOf(
  completionLeft: number | null,
  promptTokens: number,
  { facts }: ModelServer,
): number | null {
  if (completionLeft === null) return null;
  const room = (facts.window ?? Infinity) - promptTokens * facts.tokenRatio - TEMPLATE_TOKENS;
  return Math.max(1, Math.floor(Math.min(completionLeft, facts.maxCompletion ?? Infinity, room)));
}

/** Tokens of the prompt as this process counts them. `limited`: by the run, rather than by the model's context. */
async function roomOf(
  run: RunRow,
  completionLeft: number | null,
  server: ModelServer,
): Promise<{ tokens: number; limited: boolean }> {
  const window = await server.contextWindow();
  const answer =
    completionLeft === null
      ? Math.min(window / ANSWER_SHARE, LARGEST_ANSWER)
      : Math.min(window / ALLOWED_SHARE, completionLeft);
  const promptLeft = remaining(run.max_prompt_tokens, run.prompt_tokens) ?? Infinity;
  const ratio = server.facts.tokenRatio;
  return {
    tokens: Math.floor(Math.min(window - answer, promptLeft) / ratio),
    limited: promptLeft <= window - answer,
  };
}

/**
 * The window, with the newest user message in it whatever its size: what does not fit is cut. A run that limits its
 * prompt gets `too long` instead.
 */
async function chooseMessages(
  pool: Pool,
  run: RunRow,
  budget: number,
  limited: boolean,
): Promise<KeptMessage[] | 'too long'> {
  const { thread_id: threadId, window_end_seq: endSeq, truncation_strategy: truncation } = run;
  const window = await chooseWindow(pool, { threadId, endSeq }, budget, truncation);
  const messages = await readWindow(pool, threadId, window);
  const kept = fitFirst(messages, window.startSeq, budget, truncation);
  const newest = kept.filter(({ seq }) => seq >= window.startSeq);
  const limit = truncation.type === 'last_messages' ? truncation.last_messages : Infinity;
  const question =
    newest.some(({ role }) => role === 'user') || newest.length >= (limit ?? 1)
      ? undefined
      : await readNewestUserMessage(pool, threadId, window.startSeq);
  if (question === undefined && sum(kept) <= budget) return kept;
  const needed = question === undefined ? newest : [question, ...newest];
  if (sum(needed) <= budget) return needed;
  return limited ? 'too long' : cutMessages(needed, budget);
}

type Fitted = { results: Sized[]; kept: KeptMessage[]; room: Awaited<ReturnType<typeof roomOf>> };

/** `counts`: of the instructions, the tools, and then the calls. */
function partsOf(counts: number[], { results, kept, room }: Fitted): ModelRequest['parts'] {
  const [instructions = 0, tools = 0, ...calls] = counts;
  return {
    tokens: {
      instructions,
      tools,
      tool_calls: calls.reduce((total, tokens) => total + tokens, 0),
      tool_outputs: sum(results),
      messages: sum(kept),
      room: room.tokens,
    },
    limited_by: room.limited ? 'max_prompt_tokens' : 'context_window',
    ...placesOf(kept),
  };
}

/** Messages without a gap between their numbers are one pair. */
function placesOf(kept: KeptMessage[]): Pick<TurnRequest, 'kept' | 'cut'> {
  const places: [number, number][] = [];
  for (const { seq } of kept) {
    const last = places.at(-1);
    if (last !== undefined && last[1] === seq - 1) last[1] = seq;
    else places.push([seq, seq]);
  }
  return { kept: places, cut: kept.flatMap(({ seq, isCut }) => (isCut ? [seq] : [])) };
}

async function instructionsOf(deps: Deps, run: RunRow): Promise<string | null> {
  return systemPrompt(run, [
    usesCodeInterpreter(run) ? await codePrompt(deps, run) : null,
    usesFileSearch(run) ? fileSearchPrompt(await countWaiting(deps.pool, run.id)) : null,
  ]);
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

function remaining(limit: number | null, used: number): number | null {
  return limit === null ? null : limit - used;
}

async function resultsOf(
  counter: TokenCounter,
  steps: TurnStep[],
  run: RunRow,
): Promise<(Sized & { id: string })[]> {
  const numbers = numberSearches(steps, run.window_end_seq);
  const calls = steps.flatMap((step) => step.tool_calls);
  const texts = calls.map((call) => resultText(call, numbers.get(call.id)));
  const counts = await counter.count(run.project_id, texts);
  return calls.map(({ id }, at) => ({ id, text: texts[at]!, tokens: counts[at]! }));
}

function textsOfCalls(steps: TurnStep[]): string[] {
  const inputs = steps.flatMap((step) => step.tool_calls.map(({ input }) => input));
  const upstream = steps.map((step) => step.upstream && JSON.stringify(step.upstream.fields));
  return [...inputs, ...upstream.map((text) => text ?? '')];
}

function sum(sized: { tokens: number }[]): number {
  return sized.reduce((total, { tokens }) => total + tokens, 0);
}

/** @throws ModelStreamError when the model repeats refused calls: each turn is paid for */
function checkRefusals(steps: TurnStep[]): void {
  const turns = steps.filter(({ type, status }) => type === 'tool_calls' && status === 'completed');
  const last = turns.slice(-MAX_REFUSED_TURNS);
  const calls = last.flatMap((step) => step.tool_calls);
  if (
    last.length < MAX_REFUSED_TURNS ||
    calls.some(({ result }) => result?.refused === undefined)
  ) {
    return;
  }
  throw new ModelStreamError('The model went on calling tools in ways that cannot be run.', {
    retryable: false,
  });
}
