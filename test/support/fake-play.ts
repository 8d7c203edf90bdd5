/** Plays one scripted reply onto one HTTP response: one chunk per write, on time, until the client goes away. */
import type { ServerResponse } from 'node:http';
import type { BodyReply, ModelRequest, Reply, StreamReply } from './fake-replies.ts';
import { preciseNow } from './fake-timing.ts';

const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

type Exchange = {
  response: ServerResponse;
  /** ms epoch of the request's arrival; paced chunks are due relative to it. */
  arrivedAt: number;
  /** Called just before the last bytes leave, so that a client that has read them finds the request finished. */
  onFinish: () => void;
};

/** Resolves when the reply has gone out as scripted, or the client has left; only the former calls `onFinish`. */
export async function play(
  reply: Reply,
  request: ModelRequest,
  response: ServerResponse,
  options: Pick<Exchange, 'arrivedAt' | 'onFinish'>,
): Promise<void> {
  if (reply.kind === 'dynamic') return play(reply.choose(request), request, response, options);
  const exchange = { ...options, response };
  if (reply.kind === 'body') return playBody(reply, exchange);
  return playStream(reply, request, exchange);
}

async function playStream(
  reply: StreamReply,
  request: ModelRequest,
  exchange: Exchange,
): Promise<void> {
  const { response, arrivedAt } = exchange;
  const frames = reply.frames(request)[Symbol.iterator]();
  for (let index = 0; !response.destroyed; index++) {
    await waitAtHolds(reply, index, exchange);
    if (reply.stop?.after === index) return stop(exchange, reply.stop.how);
    if (reply.due) await waitUntil(arrivedAt + reply.due(index), exchange);
    const next = frames.next();
    if (next.done) return stop(exchange, 'end');
    if (!response.headersSent) response.writeHead(200, STREAM_HEADERS);
    for (const frame of next.value) await write(exchange, frame);
  }
}

async function playBody(reply: BodyReply, exchange: Exchange): Promise<void> {
  const { response } = exchange;
  let index = 0;
  for (const part of reply.body) {
    await waitAtHolds(reply, index++, exchange);
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(reply.status, reply.headers);
    await write(exchange, part);
  }
  await waitAtHolds(reply, index, exchange);
  if (!response.headersSent) response.writeHead(reply.status, reply.headers);
  return stop(exchange, 'end');
}

async function waitAtHolds(
  reply: StreamReply | BodyReply,
  index: number,
  { response }: Exchange,
): Promise<void> {
  for (const held of reply.holds.filter((candidate) => candidate.after === index)) {
    held.reached();
    await doneOrGone(response, (done) => void held.gate.then(done));
  }
}

/** Never early: a timer may fire up to a millisecond too soon, so it is asked again. */
async function waitUntil(due: number, { response }: Exchange): Promise<void> {
  for (let delay = due - preciseNow(); delay > 0; delay = due - preciseNow()) {
    if (response.destroyed) return;
    let timer: NodeJS.Timeout | undefined;
    await doneOrGone(response, (done) => (timer = setTimeout(done, delay)));
    clearTimeout(timer);
  }
}

/** Waits for the kernel to take the part: otherwise Node joins the writes of one turn of the event loop. */
async function write({ response }: Exchange, part: string | Uint8Array): Promise<void> {
  await doneOrGone(response, (done) => response.write(part, done));
}

/** Waits for `start` to call back, or for the connection to close. */
function doneOrGone(response: ServerResponse, start: (done: () => void) => void): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off('close', done);
      resolve();
    };
    response.once('close', done);
    start(done);
  });
}

function stop({ response, onFinish }: Exchange, how: 'destroy' | 'end'): void {
  if (response.destroyed) return;
  onFinish();
  if (how === 'destroy') response.destroy();
  else response.end();
}
