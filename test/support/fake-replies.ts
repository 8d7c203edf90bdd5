/**
 * What the fake model can answer: constructors that return data, played onto a socket by fake-play.ts.
 * A chunk is one server-sent event of the reply. The role announcement that opens a reply travels with its
 * first chunk and is not counted, so `cutAfter(text('a b c'), 2)` delivers two words. The finish chunk, the usage
 * chunk and `[DONE]` follow the content and count as one chunk each.
 */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';

export type ModelRequest = ChatCompletionCreateParams;

type Hold = { after: number; gate: Promise<void>; reached: () => void };

/** A streamed completion. `frames` yields lazily: a frame is made at the moment it is sent. */
export type StreamReply = {
  kind: 'stream';
  frames: (request: ModelRequest) => Iterable<string[]>;
  /** Milliseconds after the request arrived at which chunk `index` is due. Absent: at once. */
  due?: (index: number) => number;
  holds: Hold[];
  stop?: { after: number; how: 'destroy' | 'end' };
};

/** Any other HTTP answer, sent as it is. */
export type BodyReply = {
  kind: 'body';
  status: number;
  headers: Record<string, string>;
  body: Iterable<string | Uint8Array>;
  holds: Hold[];
};

export type DynamicReply = { kind: 'dynamic'; choose: (request: ModelRequest) => Reply };
export type Reply = StreamReply | BodyReply | DynamicReply;

type UsageOption = {
  /** Absent: estimated, and sent when the request asks. An object: sent always. `null`: never sent. */
  usage?: object | null;
};
type Delta = Record<string, unknown>;

/** An assistant message. Split by `tokens`, else by `chunkSize` code points, else by word. */
export function text(
  value: string,
  options: UsageOption & {
    chunkSize?: number;
    tokens?: string[];
    finishReason?: 'stop' | 'length' | 'content_filter';
  } = {},
): StreamReply {
  const pieces = options.tokens ?? splitText(value, options.chunkSize);
  if (pieces.join('') !== value) throw new Error('text(): the tokens do not add up to the value');
  const deltas = pieces.map((content) => ({ content }));
  return completion(deltas, options.finishReason ?? 'stop', options.usage);
}

/** Tool calls, each announced with id and name, then its arguments in fragments of `splitEvery` code points. */
export function toolCalls(
  calls: { name: string; arguments: object | string; id?: string }[],
  options: UsageOption & { text?: string; splitEvery?: number } = {},
): StreamReply {
  const said = splitText(options.text ?? '').map((content) => ({ content }));
  const called = calls.flatMap((call, index) => callDeltas(call, index, options.splitEvery));
  return completion([...said, ...called], 'tool_calls', options.usage);
}

/** An HTTP error (or any status). The default body is OpenAI's error envelope. */
export function status(
  code: number,
  options: { headers?: Record<string, string>; body?: unknown } = {},
): BodyReply {
  const message = `The fake model answers ${code}.`;
  const body = options.body ?? { error: { message, type: 'fake_error', param: null, code: null } };
  return {
    kind: 'body',
    status: code,
    headers: { 'content-type': 'application/json', ...options.headers },
    body: [typeof body === 'string' ? body : JSON.stringify(body)],
    holds: [],
  };
}

/** A raw 200 answer. An iterable is written item by item, so split characters and endless bodies are possible. */
export function garbage(
  body: string | Iterable<string | Uint8Array>,
  headers: Record<string, string> = {},
): BodyReply {
  return {
    kind: 'body',
    status: 200,
    headers: { 'content-type': 'text/event-stream', ...headers },
    body: typeof body === 'string' ? [body] : body,
    holds: [],
  };
}

/** Raw chunk objects, then `[DONE]`. Nothing is added to them. */
export function chunks(objects: unknown[]): StreamReply {
  const frames = [...objects.map((object) => [sse(object)]), [DONE]];
  return { kind: 'stream', frames: () => frames, holds: [] };
}

/** The reply is chosen when the request is there. */
export function dynamic(choose: (request: ModelRequest) => Reply): DynamicReply {
  return { kind: 'dynamic', choose };
}

/** Destroys the socket once `count` chunks are sent. 0: before the status line. */
export function cutAfter(reply: StreamReply, count: number): StreamReply {
  return { ...reply, stop: { after: count, how: 'destroy' } };
}

/** Ends the response cleanly once `count` chunks are sent: no finish_reason unless counted in, no `[DONE]`. */
export function endWithoutFinish(reply: StreamReply, count: number): StreamReply {
  return { ...reply, stop: { after: count, how: 'end' } };
}

/** Spreads a reply over time. `ttftMs` runs from the arrival of the request; headers leave with the first chunk. */
export function paced(
  reply: StreamReply,
  options: { ttftMs?: number; tokensPerSecond: number },
): StreamReply {
  const interval = options.tokensPerSecond > 0 ? 1000 / options.tokensPerSecond : 0;
  return { ...reply, due: (index) => (options.ttftMs ?? 0) + index * interval };
}

export type Held<R extends Reply> = {
  reply: R;
  release(): void;
  /** Resolves when a request has come to the hold. */
  reached: Promise<void>;
};

/** Stops after `afterChunks` chunks until released. 0 holds back the headers too, and works for any answer. */
export function hold<R extends StreamReply | BodyReply>(
  reply: R,
  options: { afterChunks: number },
): Held<R> {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const held: Hold = { after: options.afterChunks, gate: gate.promise, reached: reached.resolve };
  return {
    reply: { ...reply, holds: [...reply.holds, held] },
    release: gate.resolve,
    reached: reached.promise,
  };
}

/** A complete reply made of `deltas`. The timing models pass a generator, to stamp each one as it leaves. */
export function completion(
  deltas: Iterable<Delta>,
  finishReason: string,
  usage?: object | null,
): StreamReply {
  return {
    kind: 'stream',
    holds: [],
    frames: (request) => completionFrames(request, deltas, finishReason, usage),
  };
}

function* completionFrames(
  request: ModelRequest,
  deltas: Iterable<Delta>,
  finishReason: string,
  usage?: object | null,
): Generator<string[]> {
  const base = { id: 'chatcmpl-fake', object: 'chat.completion.chunk', created: 1_700_000_000 };
  const wrap = (delta: Delta, finish: string | null) =>
    sse({ ...base, model: request.model, choices: [{ index: 0, delta, finish_reason: finish }] });
  const role = wrap({ role: 'assistant', content: '' }, null);
  let count = 0;
  for (const delta of deltas) {
    const frame = wrap(delta, null);
    yield count++ === 0 ? [role, frame] : [frame];
  }
  yield count === 0 ? [role, wrap({}, finishReason)] : [wrap({}, finishReason)];
  const sent = usage === undefined ? askedUsage(request, count) : usage;
  if (sent) yield [sse({ ...base, model: request.model, choices: [], usage: sent })];
  yield [DONE];
}

function askedUsage(request: ModelRequest, completionTokens: number): object | null {
  if (!request.stream_options?.include_usage) return null;
  const promptTokens = Math.ceil(JSON.stringify(request.messages).length / 4);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function callDeltas(
  call: { name: string; arguments: object | string; id?: string },
  index: number,
  splitEvery = 12,
): Delta[] {
  const json = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
  // A caller-given id may be empty or repeated on purpose; only an absent one is made up.
  const id = call.id ?? `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`;
  const first = { index, id, type: 'function', function: { name: call.name, arguments: '' } };
  const rest = splitText(json, splitEvery).map((part) => ({
    index,
    function: { arguments: part },
  }));
  return [first, ...rest].map((part) => ({ tool_calls: [part] }));
}

function splitText(value: string, size?: number): string[] {
  if (size === undefined) return value.match(/\s*\S+(?:\s+$)?|\s+/g) ?? [];
  const points = Array.from(value);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size).join(''),
  );
}

const DONE = 'data: [DONE]\n\n';

function sse(object: unknown): string {
  return `data: ${JSON.stringify(object)}\n\n`;
}
