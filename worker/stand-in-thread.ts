/** The thread of worker/stand-in.ts: it has nothing else to do, so that it is on time where the event loop is not. */
import { parentPort, workerData } from 'node:worker_threads';

import { ActivityNotFoundError, AsyncCompletionClient, Connection } from '@temporalio/client';

import type { StandInData, StandInNews } from './stand-in.ts';

const LOOK_MS = 500;
/** Late by this much, and the loop's own beats may be, too. */
const LATE_MS = 1_000;
/** As the loop's: a third of the heartbeat timeout. */
const BEAT_MS = 2_000;
/** A loop that stands still for longer is not expected to go on: its worker counts as dead a heartbeat timeout later. */
const HOPELESS_MS = 20_000;

const { turns, address, namespace, security } = workerData as StandInData;
const connection = Connection.lazy({ address, ...security });
const client = new AsyncCompletionClient({ connection, namespace });
const running = new Set<string>();

parentPort!.on('message', ({ token, runs }: StandInNews) => {
  if (runs) running.add(token);
  else running.delete(token);
});

let turn = 0;
let turnedAt = performance.now();
let beatAt = 0;

setInterval(() => {
  const now = performance.now();
  const seen = Atomics.load(turns, 0);
  if (seen !== turn) {
    turn = seen;
    turnedAt = now;
  }
  const late = now - turnedAt;
  if (late < LATE_MS || late > HOPELESS_MS || now - beatAt < BEAT_MS) return;
  beatAt = now;
  for (const token of running) void beat(token);
}, LOOK_MS);

/** What Temporal answers, such as a cancel, is for the loop: its next own beat gets the same answer. */
async function beat(token: string): Promise<void> {
  const sent = connection.withDeadline(Date.now() + BEAT_MS, () =>
    client.heartbeat(Buffer.from(token, 'base64')),
  );
  await sent.catch((error: unknown) => {
    if (error instanceof ActivityNotFoundError) running.delete(token);
  });
}
