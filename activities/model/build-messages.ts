/** A run's context as chat messages: instructions, the thread's window, and what the run itself has done so far. Pure. */
import type {
  ChatCompletionContentPart,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions';

import type { ContextMessage } from '../../db/messages.ts';
import type { RunRow, RunStepRow, ToolCallRow } from '../../wire/rows.ts';
import type { MessageContent } from '../../wire/types.ts';
import { CODE_INTERPRETER } from './build-tools.ts';

/** The run's settings as the model's system message; null when there is nothing to say. */
export function systemPrompt(run: RunRow, toolPrompt: string | null): string | null {
  const parts = [run.instructions, toolPrompt].filter((part) => part !== null && part !== '');
  return parts.length === 0 ? null : parts.join('\n\n');
}

/** `texts` holds the run's own messages by id: they are not part of the window, which ended when the run began. */
export function buildMessages(
  system: string | null,
  window: ContextMessage[],
  steps: RunStepRow[],
  texts: Map<string, string>,
): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] =
    system === null ? [] : [{ role: 'system', content: system }];
  for (const message of window) messages.push(fromThread(message));
  for (const turn of turnsOf(steps)) messages.push(...fromTurn(turn, texts));
  return messages;
}

function fromThread(message: ContextMessage): ChatCompletionMessageParam {
  if (message.role === 'assistant')
    return { role: 'assistant', content: plainText(message.content) };
  const onlyText = message.content.every((part) => part.type === 'text');
  return {
    role: 'user',
    content: onlyText ? plainText(message.content) : message.content.map(toPart),
  };
}

function plainText(content: MessageContent[]): string {
  return content
    .flatMap((part) =>
      part.type === 'text' ? [part.text.value] : part.type === 'refusal' ? [part.refusal] : [],
    )
    .join('\n\n');
}

function toPart(part: MessageContent): ChatCompletionContentPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text.value };
    case 'refusal':
      return { type: 'text', text: part.refusal };
    case 'image_url':
      return {
        type: 'image_url',
        image_url: { url: part.image_url.url, detail: part.image_url.detail ?? 'auto' },
      };
    case 'image_file':
      return { type: 'text', text: `[image file ${part.image_file.file_id}]` };
  }
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

function fromTurn(turn: Turn, texts: Map<string, string>): ChatCompletionMessageParam[] {
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
    content: resultText(call),
  }));
  return [answer, ...results];
}

function toChatCall(call: ToolCallRow): ChatCompletionMessageToolCall {
  const fn =
    call.type === 'function'
      ? { name: call.name, arguments: call.input }
      : { name: CODE_INTERPRETER, arguments: JSON.stringify({ code: call.input }) };
  return { id: call.id, type: 'function', function: fn };
}

function resultText(call: ToolCallRow): string {
  if (call.type === 'function') return call.result?.output ?? '';
  const logs = (call.result?.outputs ?? []).map((output) => output.logs).join('\n');
  return logs === '' ? '(the code ran and printed nothing)' : logs;
}
