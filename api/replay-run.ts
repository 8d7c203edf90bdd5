/** The stream of a run whose events have been dropped, told again from its stored objects. */
import { readRunObjects } from '../db/runs/replay.ts';
import type { Pool } from '../db/core/pool.ts';
import { messageEvent, runEvent, stepEvent } from '../wire/events.ts';
import type { ProjectId, RunId, ThreadId } from '../wire/ids.ts';
import type { RunEvent } from '../wire/types.ts';
import type { Frame } from './http/sse.ts';

/** Each object appears as created and in its final state, in the order of the original stream; there are no deltas. */
export async function replayRun(
  pool: Pool,
  projectId: ProjectId,
  run: { id: RunId; thread_id: ThreadId },
): Promise<Frame[]> {
  const stored = await readRunObjects(pool, { projectId, threadId: run.thread_id, runId: run.id });
  const events: RunEvent[] = [
    runEvent(stored.run, 'created'),
    ...stored.steps.flatMap((step) => {
      const message = stored.messages.find((candidate) => candidate.id === step.message_id);
      return [
        stepEvent(step, stored.run, 'created'),
        ...(message === undefined ? [] : [messageEvent(message, 'created'), messageEvent(message)]),
        stepEvent(step, stored.run),
      ];
    }),
    runEvent(stored.run),
  ];
  const frames: Frame[] = events.map(({ event, data }) => ({ event, data: JSON.stringify(data) }));
  frames.at(-1)!.id = stored.run.last_event_seq;
  return frames;
}
