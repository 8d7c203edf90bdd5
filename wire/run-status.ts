/**
 * The documented status graph of a run. A terminal status is never left.
 *
 *   queued ──► in_progress ──► completed | incomplete | failed
 *     ▲             │
 *     │             ▼
 *     └────── requires_action
 *
 *   queued | in_progress | requires_action ──► cancelling | cancelled | incomplete | failed
 *   cancelling ──► cancelled
 *   any active status ──► expired
 */
import type { RunRow } from './rows.ts';
import type { LastError, RunStatus } from './types.ts';

/** For each status, the statuses it may be entered from. */
export const TRANSITIONS = {
  queued: ['requires_action'],
  in_progress: ['queued', 'in_progress'],
  requires_action: ['in_progress'],
  cancelling: ['queued', 'in_progress', 'requires_action'],
  cancelled: ['queued', 'in_progress', 'requires_action', 'cancelling'],
  completed: ['in_progress'],
  incomplete: ['queued', 'in_progress', 'requires_action'],
  failed: ['queued', 'in_progress', 'requires_action'],
  expired: ['queued', 'in_progress', 'requires_action', 'cancelling'],
} as const satisfies Record<RunStatus, readonly RunStatus[]>;

export const RUN_STATUSES = Object.keys(TRANSITIONS) as (keyof typeof TRANSITIONS)[];

export const ACTIVE_STATUSES = ['queued', 'in_progress', 'requires_action', 'cancelling'] as const;

/** Active runs lock their thread: no new message, no second run. */
export function isActive(status: RunStatus): boolean {
  return (ACTIVE_STATUSES as readonly string[]).includes(status);
}

/** How a run ended, for its workflow: `reason` is the code of `last_error` or the reason of `incomplete_details`. */
export type RunEnd = {
  kind: 'ended';
  status: RunStatus | 'deleted';
  reason?: LastError['code'] | NonNullable<RunRow['incomplete_reason']>;
};

/** The run's rows were deleted with their thread. */
export const DELETED: RunEnd = { kind: 'ended', status: 'deleted' };

/** A client asked for cancellation: the run must be finalized. */
export type Stopped = { kind: 'stopped' };

export type EndColumns = Pick<RunRow, 'status' | 'last_error' | 'incomplete_reason'>;

export function runEnd({ status, last_error: error, incomplete_reason }: EndColumns): RunEnd {
  const reason = error?.code ?? incomplete_reason;
  return { kind: 'ended', status, ...(reason === null ? {} : { reason }) };
}

/** Why a worker writes no more for the run. Undefined: it may go on. */
export function stopOf(run: EndColumns): RunEnd | Stopped | undefined {
  if (run.status === 'cancelling') return { kind: 'stopped' };
  return isActive(run.status) ? undefined : runEnd(run);
}
