/** An answer as OpenAI's wire objects: chunks for a stream, and one object for a request that does not stream. */
import { randomUUID } from 'node:crypto';
import type { Answer, Call } from './answer.ts';
import type { ChatRequest } from './request.ts';

type Delta = { role?: string; content?: string; tool_calls?: object[] };
const textDelta = (content: string): Delta => ({ content });
type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };
type Identity = { id: string; created: number; model: string };

/** Each token is a chunk of the stream. The request's limit cuts both forms. */
export function complete(answer: Answer, request: ChatRequest) {
  const calls = 'calls' in answer ? answer.calls.map(withId) : [];
  const all = 'text' in answer ? tokens(answer.text).map(textDelta) : calls.flatMap(deltasOf);
  const deltas = all.slice(0, request.max_completion_tokens ?? request.max_tokens ?? Infinity);
  const content = deltas.map((delta) => delta.content).join('');
  const said = 'text' in answer ? { content } : { content: null, tool_calls: calls };
  const message = { role: 'assistant', refusal: null, ...said };
  const isCut = deltas.length < all.length;
  const finish_reason = isCut ? 'length' : 'text' in answer ? 'stop' : 'tool_calls';
  const created = Math.floor(Date.now() / 1000);
  const identity = { id: newId('chatcmpl-'), created, model: request.model };
  const usage = usageOf(request, deltas.length);
  const choices = [{ index: 0, logprobs: null, finish_reason, message }];
  const completion = { ...identity, object: 'chat.completion', choices, usage };
  const shownUsage = request.stream_options?.include_usage ? usage : undefined;
  return { completion, chunks: chunksOf(identity, deltas, finish_reason, shownUsage) };
}

function chunksOf(identity: Identity, deltas: Delta[], finish: string, usage?: Usage): object[] {
  const chunk = { ...identity, object: 'chat.completion.chunk', ...(usage && { usage: null }) };
  const withChoice = (delta: Delta, finish_reason: string | null) => ({
    ...chunk,
    choices: [{ index: 0, logprobs: null, finish_reason, delta }],
  });
  // The role comes with an empty content, as from the hosted service.
  const opened = [{ role: 'assistant', content: '' }, ...deltas];
  const chunks = [...opened.map((delta) => withChoice(delta, null)), withChoice({}, finish)];
  return usage ? [...chunks, { ...chunk, choices: [], usage }] : chunks;
}

/** About four characters of a prompt are a token. */
function usageOf({ messages, tools }: ChatRequest, completion_tokens: number): Usage {
  const prompt_tokens = Math.ceil(JSON.stringify([messages, tools]).length / 4);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function withId(call: Call) {
  return { id: newId('call_'), type: 'function', function: call };
}

function deltasOf({ function: call, ...rest }: ReturnType<typeof withId>, index: number): Delta[] {
  const first = { index, ...rest, function: { name: call.name, arguments: '' } };
  const parts = tokens(call.arguments).map((part) => ({ index, function: { arguments: part } }));
  return [first, ...parts].map((part) => ({ tool_calls: [part] }));
}

/** Words with the space before them; a long word becomes several. */
function tokens(text: string): string[] {
  return text.match(/\s*\S{1,7}|\s+$/gu) ?? [];
}

function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '').slice(0, 24);
}
