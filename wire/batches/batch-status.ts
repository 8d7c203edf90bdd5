/**
 * The documented status graph of a batch, and the states of its lines. A terminal status is never left.
 *
 *   validating ──► in_progress ──► finalizing ──► completed | expired
 *        │              │
 *        ├──► failed    └────► cancelling ──► cancelled
 *        ├──► completed (a dry run)  ▲
 *        └───────────────────────▲
 */
import type { BatchStatus, RunStatus } from '../types.ts';

/** For each status, the statuses it may be entered from. */
export const BATCH_TRANSITIONS = {
  validating: [],
  failed: ['validating'],
  in_progress: ['validating'],
  finalizing: ['in_progress'],
  // From validating: a dry run.
  completed: ['finalizing', 'validating'],
  expired: ['finalizing'],
  cancelling: ['validating', 'in_progress'],
  cancelled: ['cancelling'],
} as const satisfies Record<BatchStatus, readonly BatchStatus[]>;

const ENDED: readonly BatchStatus[] = ['failed', 'completed', 'expired', 'cancelled'];

export function hasEnded(status: BatchStatus): boolean {
  return ENDED.includes(status);
}

/** `waiting`: the run waits for its client, or for a batch at its model server. It takes no place of the window meanwhile. */
export type LineState =
  'pending' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled' | 'expired';

/** What a run's new status makes of its line. Null: the line stays as it is. */
export const LINE_STATES = {
  queued: 'running',
  in_progress: null,
  requires_action: 'waiting',
  cancelling: null,
  completed: 'completed',
  incomplete: 'completed',
  failed: 'failed',
  expired: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<RunStatus, LineState | null>;
