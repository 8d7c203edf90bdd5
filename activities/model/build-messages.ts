/** A run's context as chat messages: instructions, the thread's window, and what the run itself has done so far. Pure. */
import type {
  ChatCompletionContentPart,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions';

import type { ContextMessage } from '../../db/messages.ts';
import type { RunRow, RunStepRow, ToolCallRow } from '../../wire/rows.ts';
import type { MessageContent } from '../../wire/types.ts';
import { describeResults, numberSearches } from '../../wire/citations.ts';
import { CODE_INTERPRETER, FILE_SEARCH } from './build-tools.ts';

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
  /** Of the message that the run answers: results of searches are marked from there on. */
  messageNumber: number;
};

export function buildMessages(
  system: string | null,
  window: ContextMessage[],
  steps: RunStepRow[],
  referred: Referred,
): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] =
    system === null ? [] : [{ role: 'system', content: system }];
  // An assistant's message cannot hold an image: the user's next one brings it.
  let shown: ChatCompletionContentPart[] = [];
  for (const message of window) {
    if (message.role === 'assistant') {
      const content = plainText(message.content) || AN_IMAGE;
      messages.push({ role: 'assistant', content });
      shown.push(...message.content.flatMap((part) => imageOf(part, referred) ?? []));
    } else {
      messages.push({ role: 'user', content: userContent(message.content, shown, referred) });
      shown = [];
    }
  }
  const numbers = numberSearches(steps, referred.messageNumber);
  for (const turn of turnsOf(steps)) messages.push(...fromTurn(turn, referred.texts, numbers));
  return messages;
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

function plainText(content: MessageContent[]): string {
  return content
    .flatMap((part) =>
      part.type === 'text' ? [part.text.value] : part.type === 'refusal' ? [part.refusal] : [],
    )
    .join('\n\n');
}

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

type Turn = { messageIds: string[]; calls: ToolCallRow[] };

/** Steps that failed belong to an attempt that was cut off; the model never sees them. */
function turnsOf(steps: RunStepRow[]): Turn[] {
  const turns = new Map<number, Turn>();
  for (const step of steps) {
    if (step.status !== 'completed') continue;
    const turn = turns.get(step.turn) ?? { messageIds: [], calls: [] };
    if (step.message_id !== null) turn.messageIds.push(step.message_id);
    turn.calls.push(...step.tool_calls);
    turns.set(step.turn, turn);
  }
  return [...turns.values()];
}

function fromTurn(
  turn: Turn,
  texts: ReadonlyMap<string, string>,
  numbers: ReadonlyMap<string, number>,
): ChatCompletionMessageParam[] {
  const text = turn.messageIds.map((id) => texts.get(id) ?? '').join('\n\n');
  const calls = turn.calls.map(toChatCall);
  const answer: ChatCompletionMessageParam = {
    role: 'assistant',
    content: text === '' ? null : text,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const results = turn.calls.map((call): ChatCompletionMessageParam => ({
    role: 'tool',
    tool_call_id: call.id,
    content: resultText(call, numbers.get(call.id)),
  }));
  return [answer, ...results];
}

function toChatCall(call: ToolCallRow): ChatCompletionMessageToolCall {
  return { id: call.id, type: 'function', function: calledFunction(call) };
}

function calledFunction({ type, name, input }: ToolCallRow): { name: string; arguments: string } {
  switch (type) {
    case 'function':
      return { name, arguments: input };
    case 'code_interpreter':
      return { name: CODE_INTERPRETER, arguments: JSON.stringify({ code: input }) };
    case 'file_search':
      return { name: FILE_SEARCH, arguments: input };
  }
}

/** Most characters of a call's logs that the model is shown; the client sees all of them. */
const MAX_LOGS = 32_000;
const HEAD_SHARE = 0.6;

/** A call's result as the model reads it. `number`: what a search is known as. */
export function resultText(call: Pick<ToolCallRow, 'type' | 'result'>, number = 0): string {
  if (call.type === 'function') return call.result?.output ?? '';
  if (call.type === 'file_search')
    return describeResults(number, call.result?.search?.results ?? []);
  const outputs = call.result?.outputs ?? [];
  const text = outputs
    .map((output) => (output.type === 'logs' ? output.logs : AN_IMAGE))
    .join('\n');
  return text === '' ? '(the code ran and printed nothing)' : headAndTail(text);
}

function headAndTail(text: string): string {
  if (text.length <= MAX_LOGS) return text;
  const head = Math.floor(MAX_LOGS * HEAD_SHARE);
  const tail = MAX_LOGS - head;
  const cut = text.length - MAX_LOGS;
  return `${text.slice(0, head)}\n... [${cut} characters cut] ...\n${text.slice(-tail)}`.toWellFormed();
}
