/**
 * Timing models: everything is in the model id, so the bench shares no state with the server.
 *
 *   fake:ttft=200,tps=50,n=400,tools=3,jitter=2,seed=7
 *
 * ttft    ms from the arrival of the request to the first token (default 0)
 * tps     tokens per second; 0 = as fast as the reader takes them (default 0)
 * n       tokens in the answer (default 20)
 * tools   calls of the first offered function before the answer, one per turn (default 0)
 * jitter  each token is up to this many ms late, drawn from `seed` (defaults 0 and 1)
 */
import { completion, toolCalls } from './fake-replies.ts';
import type { ModelRequest, StreamReply } from './fake-replies.ts';

const DEFAULTS = { ttft: 0, tps: 0, n: 20, tools: 0, jitter: 0, seed: 1 };
export type Timing = typeof DEFAULTS;

/** The timing in a model id; undefined when the id is not a timing model. Throws on an unknown or negative setting. */
export function parseTiming(model: string): Timing | undefined {
  if (!model.startsWith('fake:')) return undefined;
  const timing = { ...DEFAULTS };
  for (const pair of model.slice('fake:'.length).split(',').filter(Boolean)) {
    const [key = '', value = ''] = pair.split('=');
    if (!isSetting(key) || value === '' || !(Number(value) >= 0)) {
      throw new Error(`Unknown timing setting '${pair}' in model '${model}'.`);
    }
    timing[key] = Number(value);
  }
  return timing;
}

/** Now, in ms since the epoch with microseconds, on a clock that never jumps. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** The reply of a timing model. Each token's text is the sender's stamp at the moment of sending, then a space. */
export function timedReply(timing: Timing, request: ModelRequest): StreamReply {
  const tool = request.tools?.find((offered) => offered.type === 'function');
  if (tool && toolResults(request) < timing.tools) {
    const call = toolCalls([{ name: tool.function.name, arguments: {} }]);
    return { ...call, due: () => timing.ttft };
  }
  const interval = timing.tps > 0 ? 1000 / timing.tps : 0;
  const random = seededRandom(timing.seed);
  const delays = Array.from({ length: timing.jitter ? timing.n : 0 }, () => random());
  const due = (index: number) =>
    // What follows the last token (finish, usage, [DONE]) leaves together with it.
    timing.ttft + Math.min(index, timing.n - 1) * interval + timing.jitter * (delays[index] ?? 0);
  return { ...completion(stamps(timing.n), 'stop'), due };
}

function* stamps(count: number): Generator<{ content: string }> {
  for (let i = 0; i < count; i++) yield { content: `${preciseNow().toFixed(3)} ` };
}

function toolResults(request: ModelRequest): number {
  const lastUser = request.messages.findLastIndex((message) => message.role === 'user');
  return request.messages.slice(lastUser + 1).filter((message) => message.role === 'tool').length;
}

function isSetting(key: string): key is keyof Timing {
  return Object.hasOwn(DEFAULTS, key);
}

/** mulberry32: small, and the same on every platform. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
