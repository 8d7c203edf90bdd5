/** Postgres first, Temporal second; and what Temporal has not accepted is told again, in order. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const IN_ORDER = by(
  'test/db/deliveries.test.ts',
  'a cancel or a signal never overtakes the start of its run',
);
const COMMIT_FIRST = 'test/durability/commit-first.test.ts';
const TOLD_NOTHING = by(COMMIT_FIRST, 'Temporal is told nothing of what could not be committed');
const REPLAY = by('test/workflows/replay.test.ts', 'replay: %s');

export const DELIVERIES: Mutation[] = [
  {
    id: 'run-told-before-its-commit',
    why: 'Temporal runs what the database never stored.',
    edits: [
      edit(
        'api/operations/runs/create.ts',
        `return acceptedRun(await requestRun(tx, runSource(call), ids.thread_id, body));`,
        `const made = await requestRun(tx, runSource(call), ids.thread_id, body);
    call.context.dispatcher.dispatch(made.deliveries[0]!);
    return acceptedRun(made);`,
      ),
    ],
    caughtBy: [TOLD_NOTHING],
  },
  {
    id: 'requests-told-before-their-commit',
    why: 'The model is asked to go on without the outputs, which may never be stored; files are indexed that are in no store.',
    edits: [
      edit(
        'api/serve-operations.ts',
        `    await recordOperation(tx, operation, call, done);\n`,
        `    for (const delivery of done.deliveries ?? []) call.context.dispatcher.dispatch(delivery);
    await recordOperation(tx, operation, call, done);\n`,
      ),
    ],
    caughtBy: [TOLD_NOTHING],
  },
  {
    id: 'cancels-never-told-again',
    why: 'A cancel that Temporal did not hear of is forgotten: the run waits until it expires.',
    edits: [
      edit(
        'db/core/deliveries.ts',
        `due.next_attempt_at <= clock_timestamp() and due.kind <> 'ingest'`,
        `due.next_attempt_at <= clock_timestamp() and due.kind not in ('ingest', 'cancel')`,
      ),
    ],
    caughtBy: [IN_ORDER],
  },
  {
    id: 'cancel-overtakes-its-start',
    why: 'A cancel or a signal meets no workflow, counts as done, and is lost.',
    edits: [
      edit(
        'db/core/deliveries.ts',
        `\n             and not exists (select from deliveries e where e.run_id = due.run_id and e.id < due.id)`,
        ``,
      ),
    ],
    caughtBy: [IN_ORDER],
  },
  {
    id: 'deliveries-not-postponed',
    why: 'Two workers tell Temporal the same thing without end.',
    edits: [
      edit(
        'db/core/deliveries.ts',
        `next_attempt_at = clock_timestamp() + least(attempts + 1, 30) * interval '1 second'`,
        `next_attempt_at = clock_timestamp()`,
      ),
    ],
    caughtBy: [
      by(
        'test/db/deliveries.test.ts',
        'what one process has taken is left alone by others for a while',
      ),
    ],
  },
  {
    id: 'lost-signal-deleted',
    why: 'Outputs that arrive before the start of their workflow are never told to it.',
    edits: [
      edit(
        'temporal/dispatch.ts',
        `if (result === 'accepted') await removeDelivery(`,
        `if (result !== undefined) await removeDelivery(`,
      ),
    ],
    caughtBy: [
      by(
        COMMIT_FIRST,
        'a cancel or a signal that comes before its start is kept, and takes effect after it',
      ),
    ],
  },
  {
    id: 'start-told-again-starts-again',
    why: 'A run that has ended gets a second workflow.',
    edits: [
      edit(
        'temporal/deliver.ts',
        `workflowIdReusePolicy: 'REJECT_DUPLICATE',`,
        `workflowIdReusePolicy: 'ALLOW_DUPLICATE',`,
      ),
    ],
    caughtBy: [
      by('test/durability/redelivery.test.ts', 'a start that is told again starts nothing again'),
    ],
  },
  {
    id: 'cancel-stops-the-end-of-the-run',
    why: 'A run that is cancelled in Temporal is never ended in the database.',
    edits: [
      edit(
        'workflows/run.ts',
        `CancellationScope.nonCancellable(() =>`,
        `CancellationScope.cancellable(() =>`,
      ),
    ],
    caughtBy: [REPLAY],
  },
  {
    id: 'signal-before-the-pause-forgotten',
    why: 'Outputs that were signalled before the workflow waited for them are never seen.',
    edits: [
      edit(
        'workflows/run.ts',
        `    case 'waiting':\n      return apply`,
        `    case 'waiting':\n      (submitted as Set<string>).clear();\n      return apply`,
      ),
    ],
    caughtBy: [REPLAY],
  },
  {
    id: 'one-turn-too-many',
    why: 'A model that never stops calling tools is asked once more than allowed.',
    edits: [
      edit('workflows/run-state.ts', `if (turn < maxTurns) return`, `if (turn <= maxTurns) return`),
    ],
    caughtBy: [
      by(
        'test/workflows/run-state.test.ts',
        'no sequence of results takes more model turns than allowed',
      ),
    ],
  },
];
