/** Streamed chat-completion chunks in, the parts of one turn out. Pure: what is done with a part is the writer's. */
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';

import type { TurnUsage } from '../../db/turns.ts';
import { ModelStreamError } from '../failures.ts';

export type TurnPart =
  | { kind: 'text'; text: string }
  /** A call's name is known; `index` counts the turn's calls from 0 in the order they were opened. */
  | { kind: 'call'; index: number; name: string }
  | { kind: 'arguments'; index: number; fragment: string };

export type FinishReason = ChatCompletionChunk.Choice['finish_reason'];

const MAX_CALLS = 128;
const MAX_CHARACTERS = 4 * 1024 * 1024;

type Call = { name: string; opened: boolean; waiting: string };

export class ChunkAccumulator {
  finishReason: FinishReason = null;
  usage: TurnUsage | undefined;
  #characters = 0;
  #positions = new Map<number | string, number>();
  #calls: Call[] = [];

  /** @throws ModelStreamError for an answer beyond every limit */
  push(chunk: ChatCompletionChunk): TurnPart[] {
    if (chunk.usage) this.usage = toTurnUsage(chunk.usage);
    const choice = chunk.choices?.[0];
    if (choice === undefined) return [];
    const parts: TurnPart[] = [];
    const text = clean(choice.delta?.content ?? choice.delta?.refusal ?? '');
    if (text !== '') parts.push({ kind: 'text', text });
    for (const call of choice.delta?.tool_calls ?? []) parts.push(...this.#toolCall(call));
    if (choice.finish_reason) this.finishReason = choice.finish_reason;
    for (const part of parts)
      this.#characters +=
        part.kind === 'text'
          ? part.text.length
          : part.kind === 'arguments'
            ? part.fragment.length
            : 0;
    if (this.#characters > MAX_CHARACTERS) {
      throw new ModelStreamError('The model wrote more than 4 MiB in one answer.', {
        retryable: false,
      });
    }
    return parts;
  }

  /** Servers differ: some leave the index out, some repeat the name, some send everything at once. */
  #toolCall(delta: ChatCompletionChunk.Choice.Delta.ToolCall): TurnPart[] {
    const index = this.#position(delta);
    const call = this.#calls[index]!;
    const parts: TurnPart[] = [];
    if (!call.opened) call.name += delta.function?.name ?? '';
    call.waiting += clean(delta.function?.arguments ?? '');
    if (!call.opened && call.name !== '') {
      call.opened = true;
      parts.push({ kind: 'call', index, name: call.name });
    }
    if (call.opened && call.waiting !== '') {
      parts.push({ kind: 'arguments', index, fragment: call.waiting });
      call.waiting = '';
    }
    return parts;
  }

  #position(delta: ChatCompletionChunk.Choice.Delta.ToolCall): number {
    const key = delta.index ?? delta.id ?? 0;
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    const position = this.#calls.push({ name: '', opened: false, waiting: '' }) - 1;
    if (position >= MAX_CALLS) {
      throw new ModelStreamError(`The model made more than ${MAX_CALLS} tool calls at once.`, {
        retryable: false,
      });
    }
    this.#positions.set(key, position);
    return position;
  }
}

/** Postgres cannot store NUL. */
function clean(text: string): string {
  return text.includes('\u0000') ? text.replaceAll('\u0000', '') : text;
}

function toTurnUsage(usage: NonNullable<ChatCompletionChunk['usage']>): TurnUsage {
  return {
    prompt_tokens: whole(usage.prompt_tokens),
    completion_tokens: whole(usage.completion_tokens),
    cached_tokens: whole(usage.prompt_tokens_details?.cached_tokens),
    reasoning_tokens: whole(usage.completion_tokens_details?.reasoning_tokens),
  };
}

function whole(value: number | undefined | null): number {
  return typeof value === 'number' && value > 0 && value < 2 ** 31 ? Math.floor(value) : 0;
}
