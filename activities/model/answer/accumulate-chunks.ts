/** Streamed chat-completion chunks in, the parts of one turn out. Pure: what is done with a part is the writer's. */
import { readUsage } from '../../../wire/reported-usage.ts';
import type { TokenCounts, UpstreamTurn } from '../../../wire/rows.ts';
import { ModelStreamError } from '../../failures.ts';
import { AnswerText } from './answer-text.ts';
import type { CallDelta, CallPart } from './assemble-calls.ts';
import { CallAssembler } from './assemble-calls.ts';
import { readContent } from './delta-content.ts';
import type { OpaqueFields } from '../opaque-fields.ts';
import { isObject, mergeOpaque } from '../opaque-fields.ts';

export type TurnPart =
  { kind: 'text'; text: string } | { kind: 'refusal'; text: string } | CallPart;

export type AnswerRules = {
  /** The tools that the model may call. */
  offered: ReadonlySet<string>;
  maxCalls: number;
  thinking: 'strip' | 'keep';
};

const MAX_CHARACTERS = 4 * 1024 * 1024;
const MAX_OPAQUE = 1024 * 1024;
const KNOWN = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'function_call',
  'audio',
  'name',
]);

/** A chunk as servers send it. */
export type Chunk = { choices?: unknown; usage?: unknown } & OpaqueFields;

export class ChunkAccumulator {
  finishReason: string | null = null;
  usage: TokenCounts | undefined;
  /** As the server names it. */
  model: string | undefined;
  /** Some chunk had a choice: the server did answer. */
  answered = false;
  readonly #text: AnswerText;
  readonly #calls: CallAssembler;
  readonly #fields: OpaqueFields = {};
  #content = '';
  #characters = 0;
  #shown = false;

  constructor({ offered, maxCalls, thinking }: AnswerRules) {
    this.#text = new AnswerText(thinking);
    this.#calls = new CallAssembler(offered, maxCalls);
  }

  /** Calls were made, shown or not. */
  get calledTools(): boolean {
    return this.#calls.count > 0;
  }

  called(tool: string): boolean {
    return this.#calls.names.includes(tool);
  }

  /** Some call's arguments end in the middle. */
  get cutInCall(): boolean {
    return this.#calls.cut;
  }

  /** @throws ModelStreamError for an answer beyond every limit */
  push(chunk: Chunk): TurnPart[] {
    if (typeof chunk['model'] === 'string') this.model = chunk['model'];
    if (isObject(chunk.usage)) {
      const { total_tokens: _, ...usage } = readUsage(chunk.usage);
      this.usage = usage;
    }
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (!isObject(choice)) return [];
    this.answered = true;
    const delta = isObject(choice['delta']) ? choice['delta'] : this.#news(choice['message']);
    const parts = this.#read(delta);
    const reason = choice['finish_reason'];
    if (typeof reason === 'string' && reason !== '') this.finishReason = reason;
    return parts;
  }

  /** Some servers send the message so far in place of a delta, or the whole of it once more at the end. */
  #news(message: unknown): OpaqueFields {
    if (!isObject(message)) return {};
    const { content } = message;
    if (typeof content !== 'string' || !content.startsWith(this.#content)) return message;
    return { ...message, content: content.slice(this.#content.length) };
  }

  #read(delta: OpaqueFields): TurnPart[] {
    const { text, refusal } = readContent(delta['content'], delta['refusal']);
    this.#content += text;
    const parts: TurnPart[] = [];
    const shown = this.#text.push(text);
    if (shown !== '') parts.push({ kind: 'text', text: shown });
    if (refusal !== '') parts.push({ kind: 'refusal', text: refusal });
    this.#shown ||= parts.length > 0;
    for (const call of callsOf(delta)) parts.push(...this.#calls.push(call));
    mergeOpaque(this.#fields, delta, KNOWN);
    this.#count(delta);
    return parts;
  }

  #count(delta: OpaqueFields): void {
    this.#characters += sizeOf(delta);
    if (this.#characters <= MAX_CHARACTERS) return;
    throw new ModelStreamError('The model wrote more than 4 MiB in one answer.', {
      retryable: false,
    });
  }

  /** What is left when the answer has ended. @throws ModelStreamError for a call that cannot be told */
  end(): TurnPart[] {
    const nothingElse = !this.#shown && this.#calls.count === 0;
    const text = this.#text.end(nothingElse);
    const parts: TurnPart[] = text === '' ? [] : [{ kind: 'text', text }];
    return [...parts, ...this.#calls.end()];
  }

  /** What goes back to the server that wrote the turn, within the same tool loop. */
  upstream(): Omit<UpstreamTurn, 'server'> {
    const { thought } = this.#text;
    const turn = { thought, fields: this.#fields, calls: this.#calls.upstream() };
    if (JSON.stringify(turn).length <= MAX_OPAQUE) return turn;
    return { thought: '', fields: {}, calls: turn.calls.map(({ id }) => ({ id, fields: {} })) };
  }
}

/** Characters of all texts in it. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let size = 0;
  for (const part of Object.values(value)) size += sizeOf(part);
  return size;
}

/** `function_call` is how calls were made before there could be several. */
function callsOf(delta: OpaqueFields): CallDelta[] {
  const calls = delta['tool_calls'];
  if (Array.isArray(calls)) return calls.filter(isObject);
  if (isObject(calls)) return [calls];
  return isObject(delta['function_call']) ? [{ function: delta['function_call'] }] : [];
}
