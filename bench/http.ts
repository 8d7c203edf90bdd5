/**
 * The bench's own client: keep-alive connections and a parser of server-sent events that does no more than it must, so
 * that the driver stays a small part of the CPU.
 */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';

export type Target = { baseUrl: string; apiKey: string };

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** POSTs (or GETs, without a body) and returns the parsed answer. @throws for any status but 2xx */
export async function call<T>(target: Target, path: string, body?: object): Promise<T> {
  const response = await send(target, path, body);
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += part as string;
  if (response.statusCode! >= 300) throw new Error(`${path}: ${response.statusCode} ${text}`);
  return JSON.parse(text) as T;
}

/** Reads a stream of events to its end, or until `onEvent` returns false. @throws for any status but 2xx */
export async function stream(
  target: Target,
  path: string,
  body: object | undefined,
  onEvent: (event: string, data: string) => boolean | void,
): Promise<void> {
  const response = await send(target, path, body);
  response.setEncoding('utf8');
  if (response.statusCode! >= 300) {
    let text = '';
    for await (const part of response) text += part as string;
    throw new Error(`${path}: ${response.statusCode} ${text}`);
  }
  let rest = '';
  for await (const part of response) {
    const frames = (rest + (part as string)).split('\n\n');
    rest = frames.pop()!;
    for (const frame of frames) {
      if (emit(frame, onEvent) === false) return;
    }
  }
}

function emit(frame: string, onEvent: (event: string, data: string) => boolean | void) {
  let event = '';
  for (const line of frame.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) return onEvent(event, line.slice(6));
  }
  return undefined;
}

function send(target: Target, path: string, body?: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const out = request(`${target.baseUrl}${path}`, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${target.apiKey}`,
        'openai-beta': 'assistants=v2',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    out.on('response', resolve);
    out.on('error', reject);
    out.end(text);
  });
}

export function closeConnections(): void {
  agent.destroy();
}

/** Runs `work` for 0 … count - 1, at most `concurrency` at a time. Results are in order. */
export async function inParallel<T>(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, lane));
  return results;
}
