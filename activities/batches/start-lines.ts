/** Fills the window of a batch: the next lines are read from the input file, counted and started, a few side by side. */
import { listReadyLines, startLine } from '../../db/batches/start-line.ts';
import type { LineRequest, ReadyLine } from '../../db/batches/start-line.ts';
import { readBlobPart } from '../../db/blobs/blob-parts.ts';
import { runBody, threadAndRunBody } from '../../db/runs/new-run.ts';
import { countMessages } from '../../db/threads/new-thread.ts';
import { ApiError } from '../../wire/errors/errors.ts';
import { RUNS_ENDPOINT } from '../../wire/batches/requests.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { ActivityDependencies } from '../dependencies.ts';

/** Lines that are started side by side: they share the waits for the disk. */
const AT_ONCE = 4;
/** Of one step, in ms. The next one goes on. */
const LONGEST_MS = 10_000;

export async function startLines(
  deps: ActivityDependencies,
  batch: BatchRow,
  room: number,
  signal: AbortSignal,
): Promise<void> {
  if (room <= 0) return;
  const lines = await listReadyLines(deps.pool, batch.id, room);
  const until = performance.now() + LONGEST_MS;
  const startNext = async () => {
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      await deps.pace.begin(signal);
      if (performance.now() > until) return;
      // The next step looks again: a line does not fail because its project is full.
      if ((await start(deps, batch, line)) === 'full') lines.length = 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startNext));
}

async function start(
  deps: ActivityDependencies,
  batch: BatchRow,
  line: ReadyLine,
): Promise<'full' | undefined> {
  const { pool, tokens, dispatcher } = deps;
  const request = await readRequest(deps, batch, line);
  if (!(request instanceof ApiError) && !('passed' in request)) {
    const { threadId, body } = request;
    const messages = threadId === null ? body.thread.messages : body.messages;
    await countMessages(tokens, batch.project_id, messages);
  }
  const deliveries = await startLine(pool, [batch.id, line], request, deps);
  if (deliveries === 'full') return 'full';
  for (const delivery of deliveries) dispatcher.dispatch(delivery);
  return undefined;
}

/** The line was checked before the batch began: an error says that the server's rules are others since. */
async function readRequest(
  { pool }: ActivityDependencies,
  { input_blob_id, endpoint }: BatchRow,
  line: ReadyLine,
): Promise<LineRequest | ApiError> {
  if (endpoint !== RUNS_ENDPOINT) return { passed: true };
  const text = (await readBlobPart(pool, input_blob_id!, line, line.bytes)).toString();
  const { body } = JSON.parse(text.trim()) as { body: unknown };
  const { thread_id: threadId } = line;
  try {
    if (threadId === null) return { threadId, body: parseBody(threadAndRunBody, body) };
    return { threadId, body: parseBody(runBody, body) };
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
