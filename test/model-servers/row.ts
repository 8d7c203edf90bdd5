/**
 * One row of the table: what a model server sends, and what a client of this server must see of it. Rows are data, and
 * the builders below write a body the way a server frames it.
 */
import type OpenAI from 'openai';

/** A response as bytes, each part a write of its own. Then the connection ends, breaks (`cut`), or `stays` open. */
export type RawReply = {
  status: number;
  headers: Record<string, string>;
  parts: (string | Uint8Array)[];
  cut?: boolean;
  stays?: boolean;
};

/** A request as the model server receives it. */
export type Sent = { messages: SentMessage[]; [field: string]: unknown };
export type SentMessage = {
  role: string;
  content?: unknown;
  tool_calls?: SentCall[];
  tool_call_id?: string;
  [field: string]: unknown;
};
export type SentCall = {
  id: string;
  function: { name: string; arguments: string };
  [field: string]: unknown;
};

export type Status = 'completed' | 'failed' | 'expired' | 'incomplete';
/** A number, or the bounds where the product may choose. */
export type Count = number | [least: number, most: number];

export type Expectation = {
  /** Default: completed. */
  status?: Status | Status[];
  /** The texts of the thread's completed answers, oldest first. Calls end with the answer `DONE`, which is not listed. */
  text?: string | string[];
  /** Each function call that reached the client: its name, and its arguments as an object, or as the exact text. */
  calls?: [name: string, args: object | string][];
  refusal?: string;
  /** The text of the one message that was cut off. */
  cut?: string | RegExp;
  /** What `last_error.message` says. */
  error?: RegExp;
  code?: 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt';
  usage?: [prompt: number, completion: number];
  /** Requests that the model server saw, all runs together. */
  requests: Count;
  /** Further checks of these requests. */
  sent?: (bodies: Sent[]) => void;
};

export type Row = {
  /** What holds, as a sentence. */
  name: string;
  /** Where the server's behaviour is recorded. */
  source?: string;
  tools?: OpenAI.Beta.AssistantTool[];
  instructions?: string;
  run?: Omit<OpenAI.Beta.Threads.RunCreateParamsNonStreaming, 'assistant_id' | 'stream'> & {
    expires_after?: number;
  };
  /** What the user says, one run after the last of each inner list. Default: one run that answers `Hi`. */
  turns?: string[][];
  /** One reply answers each request, a list one after the other. After tool results the model says `DONE`. */
  replies: RawReply | RawReply[] | ((body: Sent, n: number) => RawReply);
  /** What the client answers to each call. Default: `"ok"`. */
  output?: string;
  /** The server says so itself in GET /models. */
  models?: object;
  /** The server refuses null: an assistant's message with calls may have an empty content. */
  emptyContent?: true;
  expect: Expectation;
};

export const DONE = 'Done.';

/** Chunks as one server writes them: `envelope` around the choices, `choice` around the delta. */
export function chunksOf(envelope: object, choice: object = {}) {
  return (delta: unknown, finish: unknown = null, more: object = {}): object => ({
    ...envelope,
    choices: [{ index: 0, delta, ...choice, finish_reason: finish }],
    ...more,
  });
}

/** A delta of OpenAI's own shape. */
export const chunk = chunksOf({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'm',
});

type ToolDelta = { index?: unknown; id?: unknown; name?: unknown; args?: unknown };

/** An element of `tool_calls` with the fields that are given, and no others. */
export function tool({ name, args, ...fields }: ToolDelta, more: object = {}): object {
  const called = {
    ...(name === undefined ? {} : { name }),
    ...(args === undefined ? {} : { arguments: args }),
  };
  return { ...fields, type: 'function', function: called, ...more };
}

/** Server-sent events: objects as `data:`, texts as they are. `[DONE]` follows. */
export function sse(...frames: (object | string)[]): RawReply {
  return open(...frames, '[DONE]');
}

/** The same without `[DONE]`. */
export function open(...frames: (object | string)[]): RawReply {
  return stream(frames.map(frame));
}

function frame(value: object | string): string {
  if (typeof value !== 'string') return `data: ${JSON.stringify(value)}\n\n`;
  return value === '[DONE]' ? 'data: [DONE]\n\n' : value;
}

/** Bytes under the content type of a stream. */
export function stream(
  parts: (string | Uint8Array)[],
  contentType = 'text/event-stream',
): RawReply {
  return { status: 200, headers: { 'content-type': contentType }, parts };
}

/** An answer in OpenAI's shape. */
export function text(...pieces: string[]): RawReply {
  return sse(...pieces.map((content) => chunk({ content })), chunk({}, 'stop'));
}

/** Deltas of tool calls, each in a chunk of its own. */
export function calls(...deltas: object[]): RawReply {
  return sse(
    chunk({ role: 'assistant', content: null }),
    ...deltas.map((delta) => chunk({ tool_calls: [delta] })),
    chunk({}, 'tool_calls'),
  );
}

/** A body that is not a stream; a text is sent as it is. */
export function body(
  status: number,
  content: unknown,
  headers: Record<string, string> = {},
): RawReply {
  const value = typeof content === 'string' ? content : JSON.stringify(content);
  return { status, headers: { 'content-type': 'application/json', ...headers }, parts: [value] };
}

/** The same reply, whose connection breaks after its last part. */
export const broken = (reply: RawReply): RawReply => ({ ...reply, cut: true });

/** The same bytes in writes of `size`. */
export function inPieces(reply: RawReply, size: number): RawReply {
  const bytes = Buffer.concat(reply.parts.map((part) => Buffer.from(part)));
  const count = Math.ceil(bytes.length / size);
  const parts = Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
  return { ...reply, parts };
}

/** A server that refuses requests with a property, and answers all others. */
export function refusing(
  refused: (body: Sent) => boolean,
  error: RawReply,
  answer: RawReply = text('ok'),
): Row['replies'] {
  return (sent) => (refused(sent) ? error : afterTools(sent) ? text(DONE) : answer);
}

export const afterTools = ({ messages }: Sent): boolean =>
  ['tool', 'function'].includes(messages.at(-1)?.role ?? '');

/** A server with a window of 4,096 tokens: it refuses what is certainly more. */
export const narrow = (error: RawReply): Row['replies'] =>
  refusing(({ messages }) => JSON.stringify(messages).length > 18_000, error);

/** About 6,000 tokens: more than a window of 4,096, which takes some 20,000 characters of them. */
export const GROWN: string[][] = [
  [...Array.from({ length: 10 }, (_, n) => `${n}: ${'word '.repeat(600)}`), 'What is my name?'],
];

/** The newest question is still asked. */
export const asksNewest = (bodies: Sent[]): void => {
  const last = JSON.stringify(bodies.at(-1)!.messages);
  if (!last.includes('What is my name?')) throw new Error('the newest message was left out');
};

export const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};
export const TIME = {
  type: 'function' as const,
  function: { name: 'get_time', parameters: { type: 'object', properties: {} } },
};
export const CODE = { type: 'code_interpreter' as const };
export const OSLO: [string, object] = ['get_weather', { city: 'Oslo' }];
export const ROME: [string, object] = ['get_weather', { city: 'Rome' }];

/** The instructions `Answer in verse.` are in each request, under whatever role. */
export function readsVerse(bodies: Sent[]): void {
  for (const { messages } of bodies) {
    if (!JSON.stringify(messages).includes('in verse')) throw new Error('no instructions');
  }
}

/** The model's call was not run as if its code were empty: it hears which argument is expected. */
export function namesCode(bodies: Sent[]): void {
  const told = JSON.stringify(bodies[1]?.messages.at(-1)?.content);
  if (!/\bcode\b/.test(told) || told.includes('printed nothing')) throw new Error(told);
}
