/**
 * What every long activity needs: heartbeats from its first moment, and one signal for a cancel from Temporal or from
 * the fast path. Heartbeats are timer-driven: a model that thinks for a minute is alive.
 */
import { Context } from '@temporalio/activity';

import type { RunControl } from '../db/run-control.ts';
import { RunCancelledError } from '../db/run-control.ts';
import { toFailure } from './failures.ts';

/** A third of the heartbeat timeout, which counts from the start: a short turn costs the server no beat at all. */
const HEARTBEAT_MS = 3_000;

/** The run is being cancelled: whoever gets this verdict finalizes it. */
export type Stopped = { kind: 'stopped' };

/** Names this attempt; no other attempt, worker or reset of the workflow has the same name. */
export function attemptName(): string {
  const { workflowExecution, activityId, attempt, taskToken } = Context.current().info;
  const token = Buffer.from(taskToken).toString('base64url').slice(-12);
  return `${workflowExecution?.runId ?? ''}/${activityId}/${attempt}/${token}`;
}

/**
 * Runs `work` and turns what it throws into what Temporal should do next: a client's cancel is the verdict `stopped`,
 * Temporal's own cancel is rethrown as such, a worker that shuts down hands over, anything else is classified.
 */
export async function attempt<T>(
  control: RunControl,
  runId: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | Stopped> {
  const context = Context.current();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await control.watch(runId, async (cancelled) => {
      const signal = AbortSignal.any([context.cancellationSignal, cancelled]);
      try {
        return await work(signal);
      } catch (error) {
        if (cancelled.aborted && cancelled.reason instanceof RunCancelledError)
          return { kind: 'stopped' };
        throw toFailure(
          context.cancellationSignal.aborted ? context.cancellationSignal.reason : error,
        );
      }
    });
  } finally {
    clearInterval(heartbeat);
  }
}
