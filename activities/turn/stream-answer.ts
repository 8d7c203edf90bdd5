/** Reads one answer of a model server into the writer, within the run's limits and the server's time. */
import { setImmediate as nextTurn } from 'node:timers/promises';

import { splitHalf } from '../../wire/text.ts';
import type { ModelRequest } from './build-model-request.ts';
import { IgnoredChoiceError, ModelStreamError } from '../failures.ts';
import type { ChunkAccumulator, TurnPart } from '../model/answer/accumulate-chunks.ts';
import type { ModelServer } from '../model/client.ts';
import { placeOf } from '../model/client.ts';
import type { Finish } from '../model/answer/map-finish-reason.ts';
import { finishOf } from '../model/answer/map-finish-reason.ts';
import { readChunks } from '../model/answer/read-chunks.ts';
import type { TurnWriter } from './turn-writer.ts';

/** A server counts with its own tokenizer: only an answer that is clearly beyond its limit is stopped here. */
const TOLERANCE = 1.1;
const TOLERATED_TOKENS = 16;
/** UTF-16 units. */
const COUNTED_AT_ONCE = 200;

/** Counts the tokens of a piece of the answer. */
type Count = (text: string) => Promise<number>;

/** UTF-16 units of a part that are written at once. */
const PIECE = 32 * 1024;

export type AnswerSink = { answer: ChunkAccumulator; writer: TurnWriter; count: Count };

/** @throws ModelServerError and ModelStreamError for an answer that fails, and the reason of an aborted `signal` */
export async function streamAnswer(
  server: ModelServer,
  request: ModelRequest,
  { answer, writer, count }: AnswerSink,
  signal: AbortSignal,
): Promise<Finish> {
  using silence = new SilenceWatch(server.facts.profile);
  const limit = allowedTokens(request.completionLeft);
  const meter = new TokenMeter(count);
  let done = false;
  try {
    const response = await server.open(request.body, AbortSignal.any([signal, silence.signal]));
    const source = { url: placeOf(server.target), apiKey: server.target.apiKey };
    const finished = () => answer.finishReason !== null;
    for await (const received of readChunks(response.body!, { finished, source })) {
      silence.heard(answer.answered);
      done = received.done;
      const parts = received.chunks.flatMap((chunk) => answer.push(chunk));
      if (limit !== null) await meter.push(parts);
      await writeAll(parts, writer);
      if (limit !== null && meter.tokens > limit) return 'length';
    }
  } catch (error) {
    if (silence.signal.aborted) throw silence.signal.reason;
    throw error;
  }
  signal.throwIfAborted();
  const finish = finishOfAnswer(answer, done);
  await writeAll(answer.end(), writer);
  if (finish === 'stop') checkCalls(request, { answer, writer });
  const used = answer.usage?.completion_tokens ?? meter.tokens;
  return limit !== null && used > limit && finish === 'stop' ? 'length' : finish;
}

function allowedTokens(left: number | null): number | null {
  return left === null ? null : left * TOLERANCE + TOLERATED_TOKENS;
}

/** Counts long pieces: the tokens of single deltas add up to more than their text has. */
class TokenMeter {
  tokens = 0;
  readonly #count: Count;
  #uncounted = '';

  constructor(count: Count) {
    this.#count = count;
  }

  async push(parts: TurnPart[]): Promise<void> {
    for (const part of parts) {
      if (part.kind !== 'call') {
        this.#uncounted += part.kind === 'arguments' ? part.fragment : part.text;
      }
    }
    if (this.#uncounted.length < COUNTED_AT_ONCE) return;
    this.tokens += await this.#count(this.#uncounted);
    this.#uncounted = '';
  }
}

/** Most parts only join a queue: there is nothing to wait for. A long one is written in pieces, with others between them. */
async function writeAll(parts: TurnPart[], writer: TurnWriter): Promise<void> {
  for (const part of parts) {
    for (let rest: TurnPart | undefined = part; rest !== undefined;) {
      const [piece, left]: [TurnPart, TurnPart | undefined] = firstPiece(rest);
      const pending = writer.write(piece);
      if (pending !== undefined) await pending;
      if (left !== undefined) await nextTurn();
      rest = left;
    }
  }
}

function firstPiece(part: TurnPart): [TurnPart, TurnPart | undefined] {
  if (part.kind === 'call') return [part, undefined];
  const text = part.kind === 'arguments' ? part.fragment : part.text;
  if (text.length <= PIECE) return [part, undefined];
  const [piece] = splitHalf(text.slice(0, PIECE));
  const holding = (content: string): TurnPart =>
    part.kind === 'arguments' ? { ...part, fragment: content } : { ...part, text: content };
  return [holding(piece), holding(text.slice(piece.length))];
}

/** `[DONE]` ends an answer as well as a finish reason does. A stream with neither was cut. */
function finishOfAnswer(answer: ChunkAccumulator, done: boolean): Finish {
  if (answer.finishReason !== null) return finishOf(answer.finishReason);
  if (done && answer.answered && !answer.cutInCall) return 'stop';
  if (done && !answer.answered) {
    throw new ModelStreamError('The model server sent an answer without content.', {
      retryable: true,
    });
  }
  throw new ModelStreamError('The model server closed its stream before the answer was complete.', {
    retryable: true,
    lost: true,
  });
}

/**
 * Some servers ignore a `tool_choice`, or only one that names a tool. An answer whose calls were all dropped must not
 * look like an empty answer.
 */
function checkCalls(
  { body }: ModelRequest,
  { answer, writer }: Pick<AnswerSink, 'answer' | 'writer'>,
): void {
  const choice = body.tool_choice;
  const named =
    typeof choice === 'object' && 'function' in choice ? choice.function.name : undefined;
  if (named !== undefined && !answer.called(named)) {
    throw new IgnoredChoiceError('named_tool_choice');
  }
  if (!writer.silent) return;
  if (answer.calledTools) throw new IgnoredChoiceError('tools_when_none');
  if (/tool|function/i.test(answer.finishReason ?? '')) {
    throw new ModelStreamError('The model server announced tool calls and sent none.', {
      retryable: false,
    });
  }
}

/** Aborts when the server is silent for too long. Every byte counts as a sign of life, a comment too. */
class SilenceWatch implements Disposable {
  readonly #aborter = new AbortController();
  readonly #idleSeconds: number;
  #timer: NodeJS.Timeout;
  #answering = false;

  constructor(profile: { first_token_seconds: number; idle_seconds: number }) {
    this.#idleSeconds = profile.idle_seconds;
    this.#timer = this.#start(profile.first_token_seconds);
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  heard(answering: boolean): void {
    if (answering && !this.#answering) {
      this.#answering = true;
      clearTimeout(this.#timer);
      this.#timer = this.#start(this.#idleSeconds);
    } else this.#timer.refresh();
  }

  #start(seconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      const message = `The model server sent nothing for ${seconds} s.`;
      this.#aborter.abort(new ModelStreamError(message, { retryable: true }));
    }, seconds * 1_000);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
