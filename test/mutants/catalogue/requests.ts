/** What a request may do: once, to its own project, one at a time per thread. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const TRANSACTIONS = 'test/db/transactions.test.ts';
const KEYS = 'test/api/idempotency.test.ts';
const OTHERS = by(
  'test/api/projects.test.ts',
  "answers another project's ids exactly like ids that never were",
);

export const REQUESTS: Mutation[] = [
  {
    id: 'thread-lock-without-lock',
    why: 'A message is added in the moment in which a run begins, and the run does not see it.',
    edits: [
      edit(
        'db/threads/lock-thread.ts',
        `where id = $1 and project_id = $2 for no key update`,
        `where id = $1 and project_id = $2`,
      ),
    ],
    caughtBy: [by(TRANSACTIONS, 'a thread that one request has locked is waited for by the next')],
  },
  {
    id: 'transactions-stand-still-for-ever',
    why: 'A computer that vanishes in the middle of a transaction locks its run for hours.',
    edits: [
      edit(
        'db/core/pool.ts',
        `begin; set local idle_in_transaction_session_timeout = '10s'`,
        `begin`,
      ),
    ],
    caughtBy: [
      by(
        TRANSACTIONS,
        'a client that vanishes inside a transaction keeps its locks for seconds, not for ever',
      ),
    ],
  },
  {
    id: 'commits-that-do-not-wait',
    why: 'What was answered with 200 is gone after a power cut.',
    edits: [
      edit(
        'db/core/pool.ts',
        `begin; set local idle_in`,
        `begin; set local synchronous_commit = off; set local idle_in`,
      ),
    ],
    caughtBy: [by(TRANSACTIONS, 'a commit waits for the disk')],
  },
  {
    id: 'deadlocks-not-run-again',
    why: 'Of two requests that meet on two rows one is a 500.',
    edits: [
      edit(
        'db/core/pool.ts',
        `code === SERIALIZATION_FAILURE || code === DEADLOCK`,
        `code === SERIALIZATION_FAILURE`,
      ),
    ],
    caughtBy: [by(TRANSACTIONS, 'transactions that lock each other out are run again')],
  },
  {
    id: 'cause-of-a-failed-transaction-hidden',
    why: 'A lock that could not be had is a 500 instead of a 503.',
    edits: [edit('db/core/pool.ts', `    return failures.get(db) ?? error;`, `    return error;`)],
    caughtBy: [
      by(
        TRANSACTIONS,
        'what failed a transaction is what its caller hears, whoever waits for the statement',
      ),
    ],
  },
  {
    id: 'policies-that-let-all-through',
    why: 'A forgotten condition shows the rows of other projects.',
    edits: [
      edit(
        'migrations/000016.sql',
        `using (%I = (select current_project()) or (select in_whole_database()))`,
        `using (%I is not null)`,
      ),
    ],
    caughtBy: [
      by('test/api/tenants.test.ts', 'row-level security alone keeps projects apart'),
      by(
        'test/db/row-level-security.test.ts',
        'a statement sees its project, another project nothing, and the whole database all',
      ),
    ],
  },
  {
    id: 'threads-of-other-projects',
    why: 'A project reads the threads of others.',
    edits: [
      edit(
        'db/threads/threads.ts',
        `readById(db, 'thread', select, { id, project_id: projectId })`,
        `readById(db, 'thread', (void projectId, select), { id })`,
      ),
    ],
    caughtBy: [OTHERS],
  },
  {
    id: 'runs-of-other-projects',
    why: 'A project reads the runs of others.',
    edits: [
      edit(
        'db/runs/read-runs.ts',
        `const ids = { id: runId, thread_id: threadId, project_id: projectId };`,
        `void projectId;\n  const ids = { id: runId, thread_id: threadId };`,
      ),
    ],
    caughtBy: [OTHERS],
  },
  {
    id: 'cancels-of-other-projects',
    why: 'A project cancels the runs of others.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `where: 'thread_id = $4 and project_id = $5',`,
        `where: 'thread_id = $4 and $5::text is not null',`,
      ),
    ],
    caughtBy: [OTHERS],
  },
  {
    id: 'idempotency-key-without-its-path',
    why: 'A message for one thread is answered with that of another, and stored nowhere.',
    edits: [
      edit(
        'api/idempotency.ts',
        `fingerprint: fingerprintOf(named),`,
        `fingerprint: fingerprintOf(path),`,
      ),
    ],
    caughtBy: [
      by(KEYS, 'binds a key to its route and to what the route names, for every pair of routes'),
    ],
  },
  {
    id: 'idempotent-answer-not-stored',
    why: 'A repeated request is refused although its first try had its effect.',
    edits: [
      edit(
        'db/core/idempotency.ts',
        `'update idempotency_keys set response = $3::json where project_id = $1 and key = $2'`,
        `'update idempotency_keys set response = null where project_id = $1 and key = $2 and $3::json is null'`,
      ),
    ],
    caughtBy: [by(KEYS, 'takes %s once, however often it is sent')],
  },
  {
    id: 'outputs-of-some-calls-accepted',
    why: 'A run goes on without the outputs that its client forgot.',
    edits: [
      edit(
        'db/turns/submit-outputs.ts',
        `return expected.length === submitted.length && expected.every((id) => submitted.includes(id));`,
        `return submitted.every((id) => expected.includes(id));`,
      ),
    ],
    caughtBy: [
      by(
        'test/db/turns.test.ts',
        'outputs are taken whole, once, and for exactly the calls that wait',
      ),
    ],
  },
];
