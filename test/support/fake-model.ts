/**
 * A scripted model server for tests and the bench: OpenAI's streamed chat completions on bare node:http.
 * Replies are queued per model id, every request is recorded, and a request nobody scripted fails loudly.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse, IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { play } from './fake-play.ts';
import { status } from './fake-replies.ts';
import type { ModelRequest, Reply } from './fake-replies.ts';
import { parseTiming, preciseNow, timedReply } from './fake-timing.ts';

export {
  chunks,
  cutAfter,
  dynamic,
  endWithoutFinish,
  garbage,
  hold,
  paced,
  status,
  text,
  toolCalls,
} from './fake-replies.ts';
export type { ModelRequest, Reply } from './fake-replies.ts';

type RecordedRequest = {
  model: string;
  body: ModelRequest;
  headers: IncomingHttpHeaders;
  /** ms epoch (performance.timeOrigin + now), when the headers were there. */
  at: number;
  /** The client closed before the reply ended. */
  aborted: boolean;
  abortedAt?: number;
  /** The reply went out as scripted, a scripted cut included. */
  finished: boolean;
};

export interface FakeModel extends AsyncDisposable {
  /** Ends in /v1. */
  baseUrl: string;
  /** Queues replies for requests whose `model` is this id. Call again to add more. */
  script(model: string, ...replies: Reply[]): void;
  /** What arrived so far, in order; live objects, updated as replies end. */
  requests(model?: string): RecordedRequest[];
  /** One line per request that found no reply. Assert that it is empty. */
  overruns: string[];
  /** Resolves once `predicate` holds; checked whenever a request arrives, ends or is aborted. Rejects on time-out. */
  until(predicate: (requests: RecordedRequest[]) => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

type State = {
  scripts: Map<string, Reply[]>;
  recorded: RecordedRequest[];
  overruns: string[];
  watchers: Set<() => void>;
};

/** Starts the server on a free port of the loopback interface. */
export async function startFakeModel(): Promise<FakeModel> {
  const state: State = { scripts: new Map(), recorded: [], overruns: [], watchers: new Set() };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => {
      // A broken script must show up in the test, not only in the server under test.
      state.overruns.push(`The fake model failed: ${String(error)}`);
      response.destroy();
      changed(state);
    });
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    script: (model, ...replies) => {
      state.scripts.set(model, [...(state.scripts.get(model) ?? []), ...replies]);
    },
    requests: (model) => state.recorded.filter((one) => model === undefined || one.model === model),
    overruns: state.overruns,
    until: (predicate, timeoutMs = 10_000) => until(state, predicate, timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const at = preciseNow();
  const route = `${request.method} ${request.url?.split('?')[0]}`;
  if (route === 'GET /v1/models') return listModels(state, response);
  if (route !== 'POST /v1/chat/completions') {
    state.overruns.push(`${route} is not served by the fake model`);
    response.writeHead(404).end();
    return changed(state);
  }
  const raw = await readText(request).catch(() => undefined);
  if (raw === undefined) return; // The client went away while sending, for instance because a test killed it.
  const body = JSON.parse(raw) as ModelRequest;
  const { model } = body;
  const record = { model, body, headers: request.headers, at, aborted: false, finished: false };
  await serve(state, record, response);
}

async function serve(
  state: State,
  record: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  state.recorded.push(record);
  response.once('close', () => {
    if (record.finished) return;
    record.aborted = true;
    record.abortedAt = preciseNow();
    changed(state);
  });
  const reply = nextReply(state, record);
  changed(state);
  const onFinish = () => {
    record.finished = true;
    changed(state);
  };
  await play(reply, record.body, response, { arrivedAt: record.at, onFinish });
}

function nextReply(state: State, record: RecordedRequest): Reply {
  const timing = parseTiming(record.model);
  if (timing) return timedReply(timing, record.body);
  const reply = state.scripts.get(record.model)?.shift();
  if (reply) return reply;
  const count = state.recorded.filter((one) => one.model === record.model).length;
  const message = `Model '${record.model}' has no reply left for its request ${count}.`;
  state.overruns.push(message);
  return status(500, {
    body: { error: { message, type: 'script_overrun', param: null, code: null } },
  });
}

function listModels(state: State, response: ServerResponse): void {
  const data = [...state.scripts.keys()].map((id) => ({
    id,
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'fake',
  }));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ object: 'list', data }));
}

function until(
  state: State,
  predicate: (requests: RecordedRequest[]) => boolean,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (predicate(state.recorded)) settle(resolve);
    };
    const timer = setTimeout(() => settle(() => reject(timedOut(state, timeoutMs))), timeoutMs);
    const settle = (done: () => void) => {
      clearTimeout(timer);
      state.watchers.delete(check);
      done();
    };
    state.watchers.add(check);
    check();
  });
}

function timedOut(state: State, timeoutMs: number): Error {
  const seen = state.recorded.map(
    (one) => `${one.model} finished=${one.finished} aborted=${one.aborted}`,
  );
  return new Error(
    `The fake model waited ${timeoutMs} ms in vain. Requests: ${JSON.stringify(seen)}; overruns: ${JSON.stringify(state.overruns)}`,
  );
}

function changed(state: State): void {
  for (const check of state.watchers) check();
}
