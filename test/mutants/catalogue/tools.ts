/** A thread's Python is run by one attempt, a call has one result, and code stays where it is. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const INTERPRETERS = 'test/db/interpreters.test.ts';
const LEASE = 'test/activities/hold-lease.test.ts';
const IN_ORDER = by(INTERPRETERS, 'the code calls of a turn run in their order, one at a time');
const PROBE = by('test/sandbox/confined.test.ts', '%s passes its own probe where it is installed');

export const TOOLS: Mutation[] = [
  {
    id: 'lease-not-extended',
    why: 'A cell that takes longer than ten seconds is run a second time beside itself.',
    edits: [
      edit(
        'activities/hold-lease.ts',
        `    extending = extending.then(extend);\n`,
        `    void extend;\n`,
      ),
    ],
    caughtBy: [by(LEASE, 'a lease is extended for as long as its cell runs')],
  },
  {
    id: 'lost-lease-unnoticed',
    why: 'A worker that stood still goes on with a cell that another one runs.',
    edits: [
      edit(
        'activities/hold-lease.ts',
        `if (error instanceof FencedError) lost.abort(error);`,
        `if (error instanceof FencedError) return;`,
      ),
    ],
    caughtBy: [by(LEASE, 'a cell is stopped once another attempt has taken its lease')],
  },
  {
    id: 'lease-taken-from-its-holder',
    why: 'Two workers run code of one thread at once, and one of the results is lost.',
    edits: [
      edit(
        'db/interpreters/interpreter-lease.ts',
        `       where interpreters.owner is null or interpreters.lease_until < clock_timestamp()\n`,
        ``,
      ),
    ],
    caughtBy: [IN_ORDER],
  },
  {
    id: 'code-calls-out-of-order',
    why: 'The second cell of a turn runs before the first one has defined its variables.',
    edits: [
      edit(
        'db/interpreters/interpreter-lease.ts',
        `
         and not exists (select from tool_calls e where e.step_id = c.step_id and e.index < c.index
           and e.type = 'code_interpreter' and e.result is null)`,
        ``,
      ),
    ],
    caughtBy: [IN_ORDER],
  },
  {
    id: 'state-stored-without-its-lease',
    why: 'A worker that stood still overwrites the variables of a later cell.',
    edits: [
      edit(
        'db/interpreters/interpreter-lease.ts',
        `     where thread_id = $1 and owner = $2 and epoch = $3 returning pg_notify(`,
        `     where thread_id = $1 and $2::text is not null and $3::integer > 0 returning pg_notify(`,
      ),
    ],
    caughtBy: [
      by(
        INTERPRETERS,
        'a lease that was not extended is taken over, and its attempt stores nothing',
      ),
    ],
  },
  {
    id: 'second-result-of-a-call',
    why: 'What the model was told of a call is not what its client reads.',
    edits: [
      edit(
        'db/turns/tool-calls.ts',
        `where run_id = $1 and id = $2 and result is null returning step_id`,
        `where run_id = $1 and id = $2 returning step_id`,
      ),
    ],
    caughtBy: [
      by(INTERPRETERS, 'a call has one result, and a run that is being cancelled takes none'),
    ],
  },
  {
    id: 'no-system-call-filter',
    why: 'Code reaches every system call of the kernel.',
    edits: [
      edit('sandbox/bubblewrap/backend.ts', '    ...words(`--seccomp ${SECCOMP_FD}`),\n', ``),
    ],
    caughtBy: [PROBE],
  },
  {
    id: 'network-shared',
    why: 'Code sees the network of its host.',
    edits: [
      edit(
        'sandbox/bubblewrap/backend.ts',
        `'--unshare-all --unshare-user`,
        `'--unshare-all --share-net --unshare-user`,
      ),
    ],
    caughtBy: [PROBE],
  },
  {
    id: 'namespaces-allowed',
    why: 'Code makes itself root of a namespace of its own, from where kernels were broken before.',
    edits: [
      edit(
        'sandbox/bubblewrap/seccomp.ts',
        `unlessAnyBit(CLONE_NEW_ANY, 1),\n      fail(EPERM),`,
        `unlessAnyBit(0, 1),\n      fail(EPERM),`,
      ),
    ],
    caughtBy: [
      by('test/sandbox/seccomp.test.ts', 'lets threads and forks be made, but no namespaces'),
    ],
  },
];
