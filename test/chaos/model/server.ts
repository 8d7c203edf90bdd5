/**
 * A model server that goes by the plan in each request and keeps a ledger: one entry per request, written whatever
 * becomes of it. The ledger is a witness that no fault can reach.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

import type { ModelCall } from '../evidence.ts';
import type { Asked, ChatMessage, PlannedFailure, PlannedTurn } from './plan.ts';
import { readRequest, wordsOf } from './plan.ts';

export type ModelServer = {
  port: number;
  /** Live: entries change until their request has ended. */
  ledger: ModelCall[];
  /** Requests that no plan explains. */
  strays: string[];
  close(): Promise<void>;
};

type State = Pick<ModelServer, 'ledger' | 'strays'>;

export async function startModel(): Promise<ModelServer> {
  const state: State = { ledger: [], strays: [] };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => {
      state.strays.push(`${request.method} ${request.url}: ${String(error)}`);
      response.destroy();
    });
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    ...state,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') return void response.writeHead(404).end();
  const raw = await readText(request).catch(() => undefined);
  if (raw === undefined) return; // The worker died while it was asking.
  const body = JSON.parse(raw) as { messages: ChatMessage[]; model: string };
  const asked = readRequest(body.messages);
  const planned = asked?.plan.turns[asked.turn];
  if (asked === undefined || planned === undefined) {
    state.strays.push(`No plan for a request: ${raw.slice(0, 2_000)}`);
    return void response.writeHead(400).end('{"error":{"message":"There is no plan."}}');
  }
  const call = openEntry(state, request, asked, raw.length);
  response.once('close', () => {
    call.endedAt ??= Date.now();
    call.outcome ??= 'left';
  });
  const failure = planned.failures?.[call.attempt];
  if (failure !== undefined && 'status' in failure) return refuse(response, call, failure);
  return play(response, { call, planned, asked, failure, model: body.model });
}

function openEntry(
  { ledger }: State,
  request: IncomingMessage,
  { plan, turn, results }: Asked,
  bytes: number,
): ModelCall {
  const before = ledger.filter((one) => one.run === plan.run && one.turn === turn);
  const call: ModelCall = {
    run: plan.run,
    turn,
    attempt: before.length,
    by: request.headers.host ?? '',
    at: Date.now(),
    endedAt: null,
    outcome: null,
    text: '',
    sent: 0,
    results,
    usage: { prompt_tokens: Math.ceil(bytes / 4), completion_tokens: 0, total_tokens: 0 },
  };
  ledger.push(call);
  return call;
}

function refuse(
  response: ServerResponse,
  call: ModelCall,
  { status, retryAfter }: Extract<PlannedFailure, { status: number }>,
): void {
  call.outcome = 'refused';
  const message = `The plan says ${status}.`;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  response.end(JSON.stringify({ error: { message, type: 'planned', param: null, code: null } }));
}

type Performance = {
  call: ModelCall;
  planned: PlannedTurn;
  asked: Asked;
  failure: PlannedFailure | undefined;
  model: string;
};

async function play(response: ServerResponse, performance: Performance): Promise<void> {
  const { call, planned, asked, failure } = performance;
  const words = planned.words === 0 ? [] : wordsOf(asked, call.attempt);
  call.text = words.join('');
  call.usage.completion_tokens = words.length + 2 * call.attempt + 1;
  call.usage.total_tokens = call.usage.prompt_tokens + call.usage.completion_tokens;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  await pause(planned.firstMs);
  for (const [at, content] of words.entries()) {
    if (failure !== undefined && 'cutAfter' in failure && at >= failure.cutAfter) break;
    if (response.destroyed) return;
    response.write(frame(performance, { content }));
    call.sent += content.length;
    await pause(planned.paceMs);
  }
  if (response.destroyed) return;
  if (failure !== undefined) {
    call.outcome = 'cut';
    response.destroy();
    return;
  }
  for (const delta of callDeltas(planned, call)) response.write(frame(performance, delta));
  const finish = planned.calls === undefined ? 'stop' : 'tool_calls';
  call.outcome = 'answered';
  call.endedAt = Date.now();
  response.end(
    `${frame(performance, {}, finish)}data: ${JSON.stringify({ choices: [], usage: call.usage })}\n\ndata: [DONE]\n\n`,
  );
}

function* callDeltas({ calls = [] }: PlannedTurn, { run, attempt }: ModelCall): Generator<object> {
  for (const [index, { name, arguments: given }] of calls.entries()) {
    const id = `call_${run}_${attempt}_${index}`;
    const text = JSON.stringify(given);
    const middle = Math.floor(text.length / 2);
    yield { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
    for (const part of [text.slice(0, middle), text.slice(middle)]) {
      yield { tool_calls: [{ index, function: { arguments: part } }] };
    }
  }
}

function frame({ model }: Performance, delta: object, finish: string | null = null): string {
  const base = { id: 'chatcmpl-chaos', object: 'chat.completion.chunk', created: 1_700_000_000 };
  return `data: ${JSON.stringify({ ...base, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
}
