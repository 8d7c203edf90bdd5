/**
 * The frame of a long activity: heartbeats from the start, one signal for a cancel from Temporal or from the fast path,
 * and patience with outages. A timer beats, so a model that thinks for a minute counts as alive.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { Context, log } from '@temporalio/activity';

import type { Pool } from '../db/core/pool.ts';
import { isBusy, isUnavailable } from '../db/core/pool.ts';
import type { RunControl } from '../db/events/run-control.ts';
import { ofRun } from '../db/projects/project-of.ts';
import { RunCancelledError } from '../db/events/run-control.ts';
import { countHold, readHolds } from '../db/runs/holds.ts';
import { SandboxUnavailableError } from '../sandbox/index.ts';
import { attemptBegun } from '../telemetry/metrics.ts';
import type { RunId } from '../wire/ids.ts';
import type { Stopped } from '../wire/run-status.ts';
import type { Tries } from './failures.ts';
import { HeldError, tooManyTries, toFailure } from './failures.ts';

/**
 * A third of the heartbeat timeout, which counts from the start: a short turn costs the server no beat at all. While this
 * timer is late, worker/stand-in.ts beats.
 */
const HEARTBEAT_MS = 2_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

export type Attempt = {
  /** Aborts when the run is cancelled, and when Temporal cancels the activity. */
  signal: AbortSignal;
  /** Names this try; no other try, worker or reset of the workflow has the same name. */
  owner: string;
};

function ownerName(tries: number): string {
  const { workflowExecution, activityId, attempt, taskToken } = Context.current().info;
  const token = Buffer.from(taskToken).toString('base64url').slice(-12);
  return `${workflowExecution?.runId ?? ''}/${activityId}/${attempt}.${tries}/${token}`;
}

/**
 * Runs `work`. A client's cancel becomes the result `stopped`, a cancel by Temporal is rethrown, a worker that shuts down
 * hands over, and `toFailure` classifies other errors. While PostgreSQL or sandboxd is away, `work` runs again until the
 * run's deadline, and Temporal counts one attempt.
 */
export async function attempt<T>(
  { pool, control }: { pool: Pool; control: RunControl },
  runId: RunId,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T | Stopped> {
  const context = Context.current();
  attemptBegun(context.info.activityType, context.info.attempt);
  let exhausted = tooManyTries(triesOf(context));
  if (exhausted) exhausted = tooManyTries(await triesWithoutHolds(pool, runId, context));
  if (exhausted !== undefined) throw exhausted;
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await control.watch(runId, async (cancelled) => {
      const signal = AbortSignal.any([context.cancellationSignal, cancelled]);
      try {
        return await throughOutages(
          (tries) => ofRun(pool, runId, () => work({ signal, owner: ownerName(tries) })),
          signal,
        );
      } catch (error) {
        if (cancelled.aborted && cancelled.reason instanceof RunCancelledError) {
          return { kind: 'stopped' };
        }
        const cause = context.cancellationSignal.aborted
          ? context.cancellationSignal.reason
          : error;
        if (cause instanceof HeldError) await ofRun(pool, runId, () => countHold(pool, runId));
        throw toFailure(cause, await triesWithoutHolds(pool, runId, context));
      }
    });
  } finally {
    clearInterval(heartbeat);
  }
}

/** Both times come from Temporal: with a wrong clock here, a server that restarts would be given up. */
export function triesOf({ info }: Pick<Context, 'info'>): Tries {
  const elapsedMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return { attempt: info.attempt, elapsedMs };
}

/** A turn that was put off has not been tried, and was not tried for as long as it waited. */
async function triesWithoutHolds(pool: Pool, runId: RunId, context: Context): Promise<Tries> {
  const tries = triesOf(context);
  if (tries.attempt === 1) return tries;
  // Without a database every attempt counts, as before.
  const held = await ofRun(pool, runId, () => readHolds(pool, runId)).catch(() => undefined);
  if (held === undefined) return tries;
  const attempt = Math.max(1, tries.attempt - held.holds);
  return { attempt, elapsedMs: Math.min(tries.elapsedMs, held.sinceMs) };
}

/** Repeats `work` while PostgreSQL or sandboxd is away. @throws its other errors, and the reason of the signal */
export async function throughOutages<T>(
  work: (tries: number) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let pause = FIRST_PAUSE_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries);
    } catch (error) {
      if (!isOutage(error) || signal.aborted) throw error;
      if (tries === 1) {
        log.warn('Waiting for an outage to end', { reason: (error as Error).message });
      }
    }
    await delay(pause, undefined, { signal });
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

function isOutage(error: unknown): boolean {
  const database = isUnavailable(error) || isBusy(error);
  return database || (error instanceof SandboxUnavailableError && error.temporary);
}
