/** A batch starts each line once, within its window, and loses nothing that reaches it. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const CONTROL = 'test/batches/control.test.ts';
const DISPATCHER = 'test/batches/dispatcher.test.ts';
const HOLD = 'test/batches/hold.test.ts';
const OVERLOAD = 'test/batches/overload.test.ts';
const RATES = 'test/db/model-rates.test.ts';
const WORKFLOW = 'test/workflows/batch.test.ts';

const GOES_ON = by(
  HOLD,
  'a run in flight asks its model no more while its batch is paused, and goes on at its place',
);

export const BATCHES: Mutation[] = [
  {
    id: 'line-claimed-twice',
    why: 'A step that is repeated makes a second run of a line.',
    edits: [
      edit(
        'db/batches/start-line.ts',
        `and line = $2 and state = 'pending' for update skip locked`,
        `and line = $2 for update skip locked`,
      ),
    ],
    caughtBy: [
      by(
        DISPATCHER,
        'a line is started once, however many steps want it, at once or one after the other',
      ),
    ],
  },
  {
    id: 'window-off-by-one',
    why: 'One line more runs than the window allows.',
    edits: [
      edit(
        'activities/batches/advance-batch.ts',
        `batch.current_window - running`,
        `batch.current_window + 1 - running`,
      ),
    ],
    caughtBy: [by(CONTROL, 'no line starts once a pause is answered, and those that run go on')],
  },
  {
    id: 'line-starts-in-a-pause',
    why: 'A step that began before a pause starts lines after it.',
    edits: [
      edit(
        'db/batches/start-line.ts',
        `status = 'in_progress' and not paused and expires_at`,
        `status = 'in_progress' and expires_at`,
      ),
    ],
    caughtBy: [by(DISPATCHER, 'a batch that is paused or has expired starts no line')],
  },
  {
    id: 'step-loses-a-wake',
    why: 'A batch sleeps although lines have ended during its step.',
    edits: [
      edit(
        'workflows/batch.ts',
        `    const step = await advanceBatch(batchId);\n`,
        `    const step = await advanceBatch(batchId);\n    inbox.woken = false;\n`,
      ),
    ],
    caughtBy: [by(WORKFLOW, 'a wake that comes during a step leads to another step')],
  },
  {
    id: 'continue-as-new-drops-a-change',
    why: 'A pause of an operator has no effect when the history happens to begin anew.',
    edits: [edit('workflows/batch.ts', `isLong && inbox.changes.length === 0`, `isLong`)],
    caughtBy: [
      by(WORKFLOW, 'a new history begins again and again, and no change is lost on the way'),
    ],
  },
  {
    id: 'batch-ends-twice',
    why: 'A repeated end makes a second pair of files.',
    edits: [
      edit(
        'wire/batches/batch-status.ts',
        `completed: ['finalizing', 'validating'],`,
        `completed: ['finalizing', 'validating', 'completed'],`,
      ),
    ],
    caughtBy: [by(DISPATCHER, 'a batch ends once')],
  },
  {
    id: 'turns-go-on-in-a-pause',
    why: 'Runs in flight go on to cost money after a pause.',
    edits: [edit('activities/model-gate.ts', `      if (held) return 'held';\n`, ``)],
    caughtBy: [GOES_ON],
  },
  {
    id: 'resume-forgets-held-turns',
    why: 'Runs that a pause has held wait until they expire.',
    edits: [
      edit(
        'db/batches/transitions.ts',
        `    if (paused === false) await resumeLines(tx, id);\n`,
        ``,
      ),
    ],
    caughtBy: [GOES_ON],
  },
  {
    id: 'resume-passes-a-hold',
    why: 'A turn that asks while its batch is being resumed waits until it expires.',
    edits: [edit('db/batches/hold-turns.ts', `and paused for share)`, `and paused)`)],
    caughtBy: [
      by(DISPATCHER, 'a turn that asks while its batch is being resumed is not held for ever'),
    ],
  },
  {
    id: 'early-resume-lost',
    why: 'A resume that comes before the workflow knows of the hold is lost.',
    edits: [
      edit(
        'workflows/hold.ts',
        `      const before = resumes;\n      const result = await work();\n`,
        `      const result = await work();\n      const before = resumes;\n`,
      ),
    ],
    caughtBy: [by(WORKFLOW, 'a resume that comes before %s knows that it is held is not lost')],
  },
  {
    id: 'overload-fails-lines',
    why: 'Lines fail because their model server was overloaded for a minute.',
    edits: [
      edit(
        'activities/turn/model-turn.ts',
        `batchId !== null && overload &&`,
        `batchId === null && overload &&`,
      ),
    ],
    caughtBy: [
      by(
        OVERLOAD,
        'a line that is answered %s is asked again for as long as its batch has time, and the window narrows',
      ),
    ],
  },
  {
    id: 'holds-count-as-tries',
    why: 'After an overload the first fault of the model server fails a line.',
    edits: [
      edit('activities/attempt.ts', `tries.attempt - held.holds`, `tries.attempt - 0 * held.holds`),
    ],
    caughtBy: [by(OVERLOAD, 'a fault after an overload is the first try, not the last one')],
  },
  {
    id: 'window-narrows-for-every-line',
    why: 'One overload, noticed by all lines that run, leaves a window of one.',
    edits: [
      edit(
        'db/batches/hold-turns.ts',
        `     where id = $1 and coalesce(narrowed_at, '-infinity') < clock_timestamp() - interval '\${ONE_OVERLOAD} seconds'\``,
        `     where id = $1\``,
      ),
    ],
    caughtBy: [
      by(OVERLOAD, 'the window is halved once for an overload, and comes back step by step'),
    ],
  },
  {
    id: 'batches-leave-no-room',
    why: 'Interactive runs wait behind the batches of their model.',
    edits: [
      edit(
        'db/projects/model-rates.ts',
        `const SHARE_OF_BATCHES = 0.5;`,
        `const SHARE_OF_BATCHES = 1;`,
      ),
    ],
    caughtBy: [by(RATES, 'batches leave room to other runs')],
  },
  {
    id: 'queue-is-passed',
    why: 'A turn that comes later takes the place of those that wait for their model.',
    edits: [
      edit(
        'db/projects/model-rates.ts',
        `asker.hasWaited || rates.queueMs <= 0`,
        `asker.hasWaited || rates.queueMs >= 0`,
      ),
    ],
    caughtBy: [by(RATES, 'turns that wait have places one behind the other, and none passes them')],
  },
];
