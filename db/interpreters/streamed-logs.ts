/** Streams the logs of a running cell. They are stored with the call, and its result begins with them, whichever attempt stores it. */
import { codeOutputs } from '../../wire/events.ts';
import type { RunId, StepId, ToolCallId } from '../../wire/ids.ts';
import type { Pool } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import { StaleCallError, lockRunOfCall } from '../turns/tool-calls.ts';
import type { Lease } from './interpreter-lease.ts';
import { extendLease } from './interpreter-lease.ts';

/**
 * Adds to the logs that readers have seen of a call.
 * @throws StaleCallError when the call has ended; FencedError when the lease was lost
 */
export async function appendLogs(
  pool: Pool,
  lease: Lease,
  { runId, callId }: { runId: RunId; callId: ToolCallId },
  logs: string,
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    await lockRunOfCall(tx, { runId, callId });
    await extendLease(tx, lease);
    const rows = await query<{ step_id: StepId; index: number }>(
      tx,
      'tool-calls.stream',
      `update tool_calls set streamed = streamed || $3
       where run_id = $1 and id = $2 and result is null returning step_id, index`,
      [runId, callId, logs],
    );
    const call = rows[0];
    if (call === undefined) throw new StaleCallError(callId, { kind: 'done' });
    const event = codeOutputs(call.step_id, call.index, [{ type: 'logs', logs }]);
    await appendEvents(tx, runId, [event]);
  });
}
