/** A turn of a batch whose model server has batches of its own: the request is stored for one, and the answer read from it. */
import { findHandedTurn, askDirectly, handOver } from '../../db/batches/upstream-turns.ts';
import type { UpstreamAnswer } from '../../db/batches/upstream-turns.ts';
import type { ClaimedRun } from '../../db/runs/transitions.ts';
import { MAX_LINE_BYTES } from '../batches/read-lines.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import type { ModelServer } from '../model/client.ts';
import { placeOf } from '../model/client.ts';
import type { ChatRequest } from '../model/request/build-request.ts';
import { ModelServerError } from '../model/server-error.ts';

/** The workflow waits until it hears of the answer, or asks directly after `ms`. */
export type Handed = { kind: 'handed'; ms: number };

/** `hand over`: it is for the next batch, `ms` before it would be asked directly. */
type Place =
  | { kind: 'direct' }
  | { kind: 'hand over'; ms: number }
  | Handed
  | { kind: 'answered'; answer: UpstreamAnswer };

/** Where the turn stands. A turn that has little time left is asked directly from now on. */
export async function placeOfTurn(
  { pool, upstream }: ActivityDependencies,
  run: ClaimedRun,
  turn: number,
  { target }: ModelServer,
): Promise<Place> {
  if (run.batch_id === null || !target.batch) return { kind: 'direct' };
  for (;;) {
    const found = await findHandedTurn(pool, run.id, turn);
    if (found === undefined || found.state === 'direct') return { kind: 'direct' };
    if (found.answer !== null) return { kind: 'answered', answer: found.answer };
    const ms = (found.seconds_left - upstream.directSeconds) * 1_000;
    if (found.state === null) return ms > 0 ? { kind: 'hand over', ms } : { kind: 'direct' };
    if (ms > 0) return { kind: 'handed', ms };
    // Unless the answer comes first.
    await askDirectly(pool, run.id, turn, ['pending', 'sent']);
  }
}

/** False: the request is too large for a line. */
export async function handOverTurn(
  { pool, dispatcher }: ActivityDependencies,
  { id: runId, batch_id, model }: ClaimedRun,
  turn: number,
  request: ChatRequest,
): Promise<boolean> {
  const { stream: _stream, stream_options: _options, ...body } = request;
  const line = `${JSON.stringify({
    custom_id: `${runId}#${turn}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body,
  })}\n`;
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) return false;
  const delivery = await handOver(pool, { batchId: batch_id!, runId, turn, model, line });
  if (delivery !== undefined) dispatcher.dispatch(delivery);
  return true;
}

/** The server as it answers in its batch. */
export function answering(server: ModelServer, { status, body }: UpstreamAnswer): ModelServer {
  const { target } = server;
  return {
    ...server,
    open: () => {
      if (status < 300) return Promise.resolve(new Response(JSON.stringify(body)));
      const { apiKey } = target;
      return Promise.reject(new ModelServerError({ status, url: placeOf(target), body, apiKey }));
    },
  };
}
