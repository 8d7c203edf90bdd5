/** Every run ends, once, in time, and as it should. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const TURNS_TESTS = 'test/db/turns.test.ts';
const LONG_STEPS = 'test/durability/long-steps.test.ts';
const STAYS = by(TURNS_TESTS, 'a run that has ended stays as it is');

export const ENDINGS: Mutation[] = [
  {
    id: 'deadline-beats-outputs',
    why: 'A run expires although the outputs that it waited for were accepted.',
    edits: [
      edit(
        'db/runs/finalize.ts',
        `reason.waiting && current.status !== 'requires_action'`,
        `reason.waiting && current.status === 'completed'`,
      ),
    ],
    caughtBy: [by(TURNS_TESTS, 'outputs that were stored in time win over the deadline')],
  },
  {
    id: 'waiting-forgotten-at-the-deadline',
    why: 'A run expires although the outputs that it waited for were accepted.',
    edits: [
      edit(
        'workflows/run-state.ts',
        `finalizing(state, { status: 'expired', waiting: true })`,
        `finalizing(state, { status: 'expired' })`,
      ),
    ],
    caughtBy: [by('test/workflows/run-state.test.ts', 'takes the result: %s')],
  },
  {
    id: 'outputs-after-the-deadline',
    why: 'Outputs are accepted for a run that is over.',
    edits: [edit('db/runs/transitions.ts', `    where: 'expires_at > unix_now()',\n`, ``)],
    caughtBy: [
      by(TURNS_TESTS, 'outputs that come after the deadline are refused, whoever has noticed it'),
    ],
  },
  {
    id: 'ended-run-ended-again',
    why: 'A completed run becomes cancelled.',
    edits: [
      edit(
        'db/runs/finalize.ts',
        `  if (!isActive(current.status)) return runEnd(current);\n`,
        `  void isActive;\n`,
      ),
      edit(
        'db/runs/transitions.ts',
        `where id = $1 and status = any($3::text[]) and`,
        `where id = $1 and $3::text[] is not null and`,
      ),
    ],
    caughtBy: [STAYS],
  },
  {
    id: 'ended-run-cancelled',
    why: 'A cancel is accepted for a run that has ended, which is then cancelling for ever.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `where id = $1 and status = any($3::text[]) and`,
        `where id = $1 and $3::text[] is not null and`,
      ),
    ],
    caughtBy: [STAYS],
  },
  {
    id: 'fast-path-of-a-cancel-gone',
    why: 'The model writes on for seconds after a cancel, and is paid for it.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `    returning: \`, pg_notify('\${CONTROL_CHANNEL}', $1)\`,\n`,
        ``,
      ),
    ],
    caughtBy: [
      by(
        'test/db/run-control.test.ts',
        'a cancel reaches whoever works on the run as soon as it is committed, and nobody else',
      ),
    ],
  },
  {
    id: 'fast-path-of-a-cancel-unheard',
    why: 'The model writes on for seconds after a cancel, and is paid for it.',
    edits: [
      edit(
        'activities/attempt.ts',
        `AbortSignal.any([context.cancellationSignal, cancelled])`,
        `AbortSignal.any([context.cancellationSignal])`,
      ),
    ],
    caughtBy: [
      by(
        'test/durability/redelivery.test.ts',
        'a cancel stops the model at once, before Temporal knows of it',
      ),
    ],
  },
  {
    id: 'no-deadline-for-a-turn',
    why: 'A run whose model never answers goes on after its deadline, until somebody reads it.',
    edits: [
      edit(
        'workflows/run.ts',
        `    // A model may think for as long as the run lives; the activity knows how long its server may be silent.
    scheduleToCloseTimeout: timeLeft(input),`,
        `    scheduleToCloseTimeout: '1h',`,
      ),
    ],
    caughtBy: [by(LONG_STEPS, 'a run ends at its deadline while nobody reads it')],
  },
  {
    id: 'overdue-runs-not-looked-at',
    why: 'A run whose timer was lost never ends.',
    edits: [
      edit(
        'db/maintenance.ts',
        `interval '1 second' or expires_at + 5 < unix_now())`,
        `interval '1 second')`,
      ),
    ],
    caughtBy: [
      by(
        'test/db/maintenance.test.ts',
        'suspects are runs that are quiet, and runs past their deadline however lively they are',
      ),
    ],
  },
  {
    id: 'overdue-runs-not-ended',
    why: 'A run whose timer was lost never ends.',
    edits: [
      edit('worker/reconcile.ts', `  if (overdue) {`, `  if (overdue && workflow !== 'running') {`),
    ],
    caughtBy: [
      by(LONG_STEPS, 'a run past its deadline is ended by the reconciler when no timer did'),
    ],
  },
];
