/** How the whole deployment does now, for administrators. */
import { z } from 'zod';

import { each, integer as count, text } from '../answers.ts';
import { integer } from '../requests/fields.ts';
import { asNumber } from '../requests/queries.ts';

const seconds = z.number();

/** After how many minutes without a new step a run counts as stuck. */
export const statusQuery = z.object({
  stuck_minutes: z.preprocess(asNumber, integer(1, 1_440).default(10)),
});

const stuckRun = z.object({
  ...each(text, 'id', 'thread_id', 'project_id', 'status'),
  /** The newest of its creation and its steps. */
  last_change_at: count,
});

const worker = z.object({
  identity: text,
  /** Of the code of its workflows. */
  build: text.nullable(),
  last_seen_at: count,
});

const taskQueue = z.object({
  name: text,
  kind: z.enum(['workflow', 'activity']),
  backlog: count,
  oldest_seconds: seconds,
  /** Over the last 30 seconds. */
  tasks_per_second: seconds,
  workers: z.array(worker),
});

const percentiles = z.object({ p50: seconds, p95: seconds }).nullable();

export const serverStatus = z
  .object({
    object: z.literal('threadmill.status'),
    version: text,
    /** Runs that have not ended, by status. */
    active_runs: z.record(text, count),
    oldest_queued_at: count.nullable(),
    /** Of runs that were created in the last ten minutes, the newest 10,000 at most. */
    recent_runs: z.object({
      created: count,
      by_status: z.record(text, count),
      queue_seconds: percentiles,
      duration_seconds: percentiles,
    }),
    /** The oldest 100. */
    stuck_runs: z.array(stuckRun),
    /** Null: Temporal did not answer. */
    task_queues: z.array(taskQueue).nullable(),
  })
  .meta({ id: 'ServerStatus' });

type ServerStatus = z.infer<typeof serverStatus>;
export type RunCounts = Pick<
  ServerStatus,
  'active_runs' | 'oldest_queued_at' | 'recent_runs' | 'stuck_runs'
>;
