/** A run's context as chat messages: instructions, the thread's window, and what the run itself has done so far. Pure. */
import type {
  ChatCompletionContentPart,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions';

import type { ContextMessage } from '../../../db/threads/messages.ts';
import type { TurnStep } from '../../../db/runs/run-steps.ts';
import type { RunRow, ToolCallRow, UpstreamTurn } from '../../../wire/rows.ts';
import { headAndTail, jsonOr } from '../../../wire/text.ts';
import { textsOf } from '../../../wire/tokens.ts';
import type { MessageContent } from '../../../wire/types.ts';
import { describeResults } from '../../../wire/citations.ts';
import type { MessageId } from '../../../wire/ids.ts';
import { CODE_INTERPRETER, FILE_SEARCH } from './build-tools.ts';
import { isObject } from '../opaque-fields.ts';

/** The run's settings as the model's system message; null when there is nothing to say. */
export function systemPrompt(run: RunRow, toolPrompts: (string | null)[]): string | null {
  const parts = [run.instructions, ...toolPrompts].filter((part) => part !== null && part !== '');
  return parts.length === 0 ? null : parts.join('\n\n');
}

const AN_IMAGE = '[an image, which the user sees]';

/** What messages only refer to. */
export type Referred = {
  /** The text of the run's own messages by id: they are not part of the window, which ended when the run began. */
  texts: ReadonlyMap<string, string>;
  /** Images by file id, as data URLs; null: the model cannot see. */
  images: ReadonlyMap<string, string> | null;
  /** What the run's calls gave, by call id, as the model is shown it. */
  results: ReadonlyMap<string, string>;
  /** Where the request goes: that server gets back what it sent. */
  server: string;
};

export function buildMessages(
  system: string | null,
  window: ContextMessage[],
  steps: TurnStep[],
  referred: Referred,
): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] =
    system === null ? [] : [{ role: 'system', content: system }];
  // An assistant's message cannot hold an image: the user's next one brings it.
  let shown: ChatCompletionContentPart[] = [];
  for (const message of window) {
    if (message.role === 'assistant') {
      const text = plainText(message.content);
      const content = text.trim() === '' && message.content.some(isImage) ? AN_IMAGE : text;
      if (content.trim() !== '') messages.push({ role: 'assistant', content });
      shown.push(...message.content.flatMap((part) => imageOf(part, referred) ?? []));
    } else {
      messages.push({ role: 'user', content: userContent(message.content, shown, referred) });
      shown = [];
    }
  }
  for (const turn of turnsOf(steps)) messages.push(...fromTurn(turn, referred));
  return messages;
}

function isImage({ type }: MessageContent): boolean {
  return type === 'image_file' || type === 'image_url';
}

function userContent(
  content: MessageContent[],
  shown: ChatCompletionContentPart[],
  referred: Referred,
): string | ChatCompletionContentPart[] {
  const onlyText = content.every((part) => part.type === 'text');
  if (onlyText && shown.length === 0) return plainText(content);
  const parts = content.map((part) => toPart(part, referred));
  if (shown.length === 0) return parts;
  return [{ type: 'text', text: '[Images of the answer above:]' }, ...shown, ...parts];
}

const plainText = (content: MessageContent[]) => textsOf(content).join('\n\n');

function toPart(part: MessageContent, referred: Referred): ChatCompletionContentPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text.value };
    case 'refusal':
      return { type: 'text', text: part.refusal };
    case 'image_url':
      return imageOf(part, referred) ?? { type: 'text', text: `[image ${part.image_url.url}]` };
    case 'image_file':
      return (
        imageOf(part, referred) ?? { type: 'text', text: `[image file ${part.image_file.file_id}]` }
      );
  }
}

/** Undefined for what is no image, or one that the model cannot be shown. */
function imageOf(
  part: MessageContent,
  { images }: Referred,
): ChatCompletionContentPart | undefined {
  if (images === null) return undefined;
  if (part.type === 'image_url') {
    const { url, detail = 'auto' } = part.image_url;
    return { type: 'image_url', image_url: { url, detail } };
  }
  if (part.type !== 'image_file') return undefined;
  const { file_id: id, detail = 'auto' } = part.image_file;
  const url = images.get(id);
  return url === undefined ? undefined : { type: 'image_url', image_url: { url, detail } };
}

type Turn = { messageIds: MessageId[]; calls: ToolCallRow[]; upstream: UpstreamTurn | null };

/** Steps that failed belong to an attempt that was cut off; the model never sees them. */
function turnsOf(steps: TurnStep[]): Turn[] {
  const turns = new Map<number, Turn>();
  for (const step of steps) {
    if (step.status !== 'completed') continue;
    const turn = turns.get(step.turn) ?? { messageIds: [], calls: [], upstream: null };
    if (step.message_id !== null) turn.messageIds.push(step.message_id);
    turn.calls.push(...step.tool_calls);
    turn.upstream = step.upstream ?? turn.upstream;
    turns.set(step.turn, turn);
  }
  return [...turns.values()];
}

function fromTurn(turn: Turn, { texts, results, server }: Referred): ChatCompletionMessageParam[] {
  const upstream = turn.upstream?.server === server ? turn.upstream : null;
  const text = turn.messageIds.map((id) => texts.get(id) ?? '').join('\n\n');
  const content = (upstream?.thought ?? '') + text;
  const ids = callIds(turn.calls, upstream);
  const calls = turn.calls.map((call, at): ChatCompletionMessageToolCall => ({
    ...upstream?.calls[at]?.fields,
    id: ids[at]!,
    type: 'function',
    function: calledFunction(call),
  }));
  const answer: ChatCompletionMessageParam = {
    ...upstream?.fields,
    role: 'assistant',
    content: content.trim() === '' ? null : content,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const outputs = turn.calls.map((call, at): ChatCompletionMessageParam => ({
    role: 'tool',
    tool_call_id: ids[at]!,
    content: results.get(call.id) ?? '',
  }));
  return answer.content === null && calls.length === 0 ? outputs : [answer, ...outputs];
}

/** The server's own ids, unless it gave one to two calls. */
function callIds(calls: ToolCallRow[], upstream: UpstreamTurn | null): string[] {
  const theirs = calls.map((call, at) => upstream?.calls[at]?.id ?? call.id);
  return new Set(theirs).size === theirs.length ? theirs : calls.map(({ id }) => id);
}

/** Servers refuse arguments that are not an object, also their own. */
function objectText(text: string): string {
  if (isObject(jsonOr(text, undefined))) return text;
  return JSON.stringify(text.trim() === '' ? {} : { invalid_arguments: text });
}

function calledFunction({ type, name, input }: ToolCallRow): { name: string; arguments: string } {
  switch (type) {
    case 'function':
      return { name, arguments: objectText(input) };
    case 'code_interpreter':
      return { name: CODE_INTERPRETER, arguments: JSON.stringify({ code: input }) };
    case 'file_search':
      return { name: FILE_SEARCH, arguments: objectText(input) };
  }
}

/** Most characters of a call's logs that the model is shown; the client sees all of them. */
const MAX_LOGS = 32_000;

/** A call's result as the model reads it. `number`: what a search is known as. */
export function resultText(call: Pick<ToolCallRow, 'type' | 'result'>, number = 0): string {
  if (call.result?.refused !== undefined) return call.result.refused;
  if (call.type === 'function') return call.result?.output ?? '';
  if (call.type === 'file_search') {
    return describeResults(number, call.result?.search?.results ?? []);
  }
  const outputs = call.result?.outputs ?? [];
  const text = outputs
    .map((output) => (output.type === 'logs' ? output.logs : AN_IMAGE))
    .join('\n');
  return text === '' ? '(the code ran and printed nothing)' : headAndTail(text, MAX_LOGS);
}
