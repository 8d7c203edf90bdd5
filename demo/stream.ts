/** Turns an answer into OpenAI's wire objects: chunks for a stream, one object otherwise. Pure; pacing is server.ts's. */
import type { Answer } from './answer.ts';
import type { ChatRequest } from './request.ts';

type Delta = Record<string, unknown>;
type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

export type Completion = {
  deltas: Delta[];
  finishReason: 'stop' | 'length' | 'tool_calls';
  usage: Usage;
  id: string;
  created: number;
  model: string;
};

/** Splits the answer into tokens, and cuts it at the request's limit. One delta is one token. */
export function complete(answer: Answer, request: ChatRequest): Completion {
  const all = 'text' in answer ? textDeltas(answer.text) : callDeltas(answer.toolCalls);
  const deltas = all.slice(0, request.maxTokens);
  const whole = 'text' in answer ? 'stop' : 'tool_calls';
  const prompt = Math.ceil(JSON.stringify([request.messages, request.tools]).length / 4);
  return {
    deltas,
    finishReason: deltas.length < all.length ? 'length' : whole,
    usage: {
      prompt_tokens: prompt,
      completion_tokens: deltas.length,
      total_tokens: prompt + deltas.length,
    },
    id: `chatcmpl-${shortId()}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
}

/** The chunk objects of a streamed completion. The role comes with no content, as from the hosted service. */
export function* toChunks(completion: Completion, includeUsage: boolean): Generator<object> {
  const { id, created, model, finishReason, usage } = completion;
  const base = { id, object: 'chat.completion.chunk', created, model };
  const chunk = (delta: Delta, finish_reason: string | null) => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(includeUsage ? { usage: null } : {}),
  });
  yield chunk({ role: 'assistant', content: '' }, null);
  for (const delta of completion.deltas) yield chunk(delta, null);
  yield chunk({}, finishReason);
  if (includeUsage) yield { ...base, choices: [], usage };
}

/** The object of a completion that is not streamed. */
export function toObject(completion: Completion): object {
  const { id, created, model, finishReason, usage } = completion;
  const message = completion.deltas.reduce<CollectedMessage>(collect, {
    role: 'assistant',
    content: null,
    refusal: null,
  });
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage,
  };
}

type CallPart = {
  index: number;
  id?: string;
  type?: string;
  function: { name?: string; arguments: string };
};
type CollectedMessage = {
  role: string;
  content: string | null;
  refusal: null;
  tool_calls?: Omit<CallPart, 'index'>[];
};

function collect(message: CollectedMessage, delta: Delta): CollectedMessage {
  if (typeof delta.content === 'string') message.content = (message.content ?? '') + delta.content;
  for (const { index, ...part } of (delta.tool_calls ?? []) as CallPart[]) {
    const calls = (message.tool_calls ??= []);
    const open = calls[index];
    if (open) open.function.arguments += part.function.arguments;
    else calls[index] = { ...part, function: { ...part.function } };
  }
  return message;
}

function textDeltas(text: string): Delta[] {
  return tokens(text).map((content) => ({ content }));
}

function callDeltas(calls: { name: string; arguments: string }[]): Delta[] {
  return calls.flatMap((call, index) => {
    const open = { name: call.name, arguments: '' };
    const first = { index, id: `call_${shortId()}`, type: 'function', function: open };
    const rest = tokens(call.arguments).map((part) => ({ index, function: { arguments: part } }));
    return [first, ...rest].map((part) => ({ tool_calls: [part] }));
  });
}

/** Words with the space before them, long ones in pieces. */
function tokens(text: string): string[] {
  return text.match(/\s*\S{1,7}|\s+$/gu) ?? [];
}

function shortId(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 24);
}
