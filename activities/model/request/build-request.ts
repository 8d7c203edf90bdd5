/** A turn's request in the form that its model server takes. Pure. */
import type {
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions';

import type { ModelProfile } from '../../../config/models-file.ts';
import type { RunRow } from '../../../wire/rows.ts';
import { buildToolChoice } from './build-tools.ts';

export type ChatRequest = ChatCompletionCreateParamsStreaming;

export type RequestParts = {
  model: string;
  messages: ChatCompletionMessageParam[];
  tools: ChatCompletionTool[];
  turn: number;
  /** Tokens that the answer may have; null: no limit. */
  completionLimit: number | null;
};

export function buildRequest(run: RunRow, parts: RequestParts, profile: ModelProfile): ChatRequest {
  const { model, completionLimit } = parts;
  const choice = toolChoice(run, parts, profile);
  const tools = profile.omit.includes('strict') ? choice.tools.map(withoutStrict) : choice.tools;
  const limit = profile.limit_field;
  const request: ChatRequest = {
    model,
    messages: shapeMessages(parts.messages, profile),
    stream: true,
    stream_options: { include_usage: true },
    ...(tools.length === 0 ? {} : { tools, tool_choice: choice.tool_choice }),
    ...(tools.length > 0 && !run.parallel_tool_calls ? { parallel_tool_calls: false } : {}),
    ...(completionLimit === null || limit === null ? {} : { [limit]: completionLimit }),
    ...(run.temperature === 1 ? {} : { temperature: run.temperature }),
    ...(run.top_p === 1 ? {} : { top_p: run.top_p }),
    ...(run.reasoning_effort === null ? {} : { reasoning_effort: run.reasoning_effort as 'low' }),
    ...responseFormat(run),
  };
  return without(request, profile.omit);
}

/** The tools that are offered, and which of them the model must call. */
function toolChoice(
  run: RunRow,
  { tools, turn }: RequestParts,
  profile: ModelProfile,
): Required<Pick<ChatRequest, 'tools' | 'tool_choice'>> {
  const choice = buildToolChoice(run, turn);
  if (choice === 'none' && !profile.tools_when_none) return { tools: [], tool_choice: choice };
  if (typeof choice === 'string' || choice.type !== 'function' || profile.named_tool_choice) {
    return { tools, tool_choice: choice };
  }
  const named = tools.filter(
    (tool) => tool.type === 'function' && tool.function.name === choice.function.name,
  );
  return { tools: named, tool_choice: 'required' };
}

function responseFormat(run: RunRow): Pick<ChatRequest, 'response_format'> {
  const format = run.response_format;
  if (format === 'auto' || format.type === 'text') return {};
  return { response_format: format };
}

function withoutStrict(tool: ChatCompletionTool): ChatCompletionTool {
  return tool.type === 'function'
    ? { ...tool, function: without(tool.function, ['strict']) }
    : tool;
}

function without<T extends object>(object: T, keys: readonly string[]): T {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T;
}

function shapeMessages(
  messages: ChatCompletionMessageParam[],
  profile: ModelProfile,
): ChatCompletionMessageParam[] {
  let shaped = messages.map((message) => shapeMessage(message, profile));
  if (profile.system_role === 'user') shaped = instructUser(shaped);
  return profile.merge_roles ? mergeRoles(shaped) : shaped;
}

function shapeMessage(
  message: ChatCompletionMessageParam,
  { system_role: role, empty_content: empty, omit }: ModelProfile,
): ChatCompletionMessageParam {
  if (message.role === 'system' && role === 'developer') return { ...message, role };
  if (message.role !== 'assistant') return message;
  const { tool_calls: calls, ...rest } = without(message, omit);
  const answer: ChatCompletionMessageParam = {
    ...rest,
    ...(calls === undefined ? {} : { tool_calls: calls.map((call) => without(call, omit)) }),
  };
  if (answer.content !== null || empty === 'null') return answer;
  return empty === 'empty' ? { ...answer, content: '' } : without(answer, ['content']);
}

/** For models whose template has no place for instructions. */
function instructUser(messages: ChatCompletionMessageParam[]): ChatCompletionMessageParam[] {
  const [system, ...rest] = messages;
  if (system?.role !== 'system') return messages;
  const instructions: ChatCompletionMessageParam = { role: 'user', content: system.content };
  const [first, ...others] = rest;
  if (first?.role !== 'user') return [instructions, ...rest];
  return [join(instructions, first), ...others];
}

/** For templates that want users and assistants to take turns. A tool's results stay as they are. */
function mergeRoles(messages: ChatCompletionMessageParam[]): ChatCompletionMessageParam[] {
  const merged: ChatCompletionMessageParam[] = [];
  for (const message of messages) {
    const last = merged.at(-1);
    const joins =
      last?.role === message.role && (last.role === 'user' || last.role === 'assistant');
    if (joins && !('tool_calls' in last)) merged[merged.length - 1] = join(last, message);
    else merged.push(message);
  }
  return merged;
}

type Part = { type: 'text'; text: string };

/** `next` with the content of both. */
function join(
  message: ChatCompletionMessageParam,
  next: ChatCompletionMessageParam,
): ChatCompletionMessageParam {
  const [before, after] = [message.content, next.content];
  if (typeof before !== 'object' && typeof after !== 'object') {
    const content = [before, after].filter(Boolean).join('\n\n');
    return { ...next, content } as ChatCompletionMessageParam;
  }
  return {
    ...next,
    content: [...toParts(before), ...toParts(after)],
  } as ChatCompletionMessageParam;
}

function toParts(content: ChatCompletionMessageParam['content']): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return (content ?? []) as Part[];
}
