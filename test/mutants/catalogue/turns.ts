/** One owner of a turn, one result of it, and usage that is counted once. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const STAND_IN = 'worker/stand-in-thread.ts';
const LATE_LOOP = 'test/durability/late-loop.test.ts';
const TESTS = 'test/db/turns.test.ts';
const FAILURES = 'test/activities/failures.test.ts';
const BROKEN_OFF =
  'an answer that breaks off is counted by answers, not by tries that found the server away';

export const TURNS: Mutation[] = [
  {
    id: 'turn-of-tool-calls-without-fencing',
    why: 'A worker that stood still ends the turn of the one that took over, with calls that nobody made.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `where: \`owner = $4 and status = 'in_progress'\`,`,
        `where: \`$4::text is not null and status = 'in_progress'\`,`,
      ),
      edit(
        'db/turns/finish-turn.ts',
        `      appendEvents(tx, ref.runId, events, ref.owner),\n      query(`,
        `      appendEvents(tx, ref.runId, events),\n      query(`,
      ),
    ],
    caughtBy: [by(TESTS, 'an attempt that lost its run ends no turn of tool calls')],
  },
  {
    id: 'message-opened-without-fencing',
    why: 'A worker that stood still tells a second answer into the stream of the first.',
    edits: [
      edit(
        'db/turns/open-step.ts',
        `      appendEvents(tx, run.id, events, ref.owner),\n      insertOpenMessage(`,
        `      appendEvents(tx, run.id, events),\n      insertOpenMessage(`,
      ),
    ],
    caughtBy: [
      by(TESTS, 'an attempt that lost its run ends no turn with an answer, and opens nothing'),
    ],
  },
  {
    id: 'turn-taken-again',
    why: 'A repeated activity asks the model again for a turn that is stored, and pays for it.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `and not exists (select from run_turns t where t.run_id = $1 and t.turn = $4)`,
        `and $4::integer is not null`,
      ),
    ],
    caughtBy: [by(TESTS, 'a turn that has its result is not taken again')],
  },
  {
    id: 'cut-off-answer-left-open',
    why: 'The next attempt goes on in a message that shows the half of another answer.',
    edits: [
      edit(
        'db/turns/claim-turn.ts',
        `const events = run.has_open_step ? await closeCutOff(tx, run) : [];`,
        `const events: RunEvent[] = [];`,
      ),
    ],
    caughtBy: [by(TESTS, 'the attempt that takes over closes what the last one left open')],
  },
  {
    id: 'started-at-moves',
    why: 'A run that is taken up again seems to have started later than it did.',
    edits: [
      edit(
        'db/runs/transitions.ts',
        `started_at = case when runs.status = 'queued' then unix_now() else runs.started_at end`,
        `started_at = unix_now()`,
      ),
    ],
    caughtBy: [by(TESTS, 'a run keeps the time at which it started, however often it is taken')],
  },
  {
    id: 'lost-usage-of-an-ended-run',
    why: 'The usage of a completed run changes after its client has read it.',
    edits: [
      edit(
        'db/turns/finish-turn.ts',
        `where id = $1 and status = any($6::text[]) returning`,
        `where id = $1 and $6::text[] is not null returning`,
      ),
    ],
    caughtBy: [by(TESTS, 'a run that has ended stays as it is')],
  },
  {
    id: 'lost-usage-not-counted',
    why: 'Tokens of an answer that was cut off are paid for and shown nowhere.',
    edits: [
      edit(
        'activities/turn/model-turn.ts',
        `if (usage !== undefined) await countLostUsage(deps.pool, run.id, usage).catch(() => {});`,
        `void usage;`,
      ),
    ],
    caughtBy: [
      by(
        'test/api/usage.test.ts',
        'counts what an answer has used that was cut off and begun again',
      ),
    ],
  },
  {
    id: 'usage-added-up-over-chunks',
    why: 'Servers that report usage with every chunk seem to have written many times as much.',
    edits: [
      edit(
        'activities/model/answer/accumulate-chunks.ts',
        `      this.usage = usage;`,
        `      const completion_tokens = (this.usage?.completion_tokens ?? 0) + usage.completion_tokens;
      this.usage = { ...usage, completion_tokens };`,
      ),
    ],
    caughtBy: [
      by(
        'test/activities/accumulate-chunks.test.ts',
        'the last report of usage counts, and reports are not added up',
      ),
    ],
  },
  {
    id: 'shutdown-taken-for-a-cancel',
    why: 'Every run of a worker that is replaced ends as cancelled.',
    edits: [
      edit(
        'activities/failures.ts',
        `if (error.message !== 'WORKER_SHUTDOWN') return error;`,
        `if (error.message !== '') return error;`,
      ),
    ],
    caughtBy: [
      by(
        FAILURES,
        'a worker that shuts down hands its attempt over, and every other cancel is one',
      ),
    ],
  },
  {
    id: 'fenced-attempt-not-repeated',
    why: 'A run fails because another attempt was about to finish it.',
    edits: [
      edit(
        'activities/failures.ts',
        `    return failure('server_error', error.message, { retry: true });\n  }\n  const again`,
        `    return failure('server_error', error.message, { retry: false });\n  }\n  const again`,
      ),
    ],
    caughtBy: [by(FAILURES, 'what another attempt has taken is left to it, however often')],
  },
  {
    id: 'outages-counted-among-broken-answers',
    why: 'A run fails at the first answer that breaks off, because its server was away before.',
    edits: [
      edit(
        'activities/failures.ts',
        `const paid = error.lostAnswers ?? tries.attempt;`,
        `const paid = tries.attempt;`,
      ),
    ],
    caughtBy: [by(FAILURES, BROKEN_OFF)],
  },
  {
    id: 'broken-answers-not-counted',
    why: 'A model server that breaks off each answer is asked, and paid, until the deadline.',
    edits: [
      edit(
        'activities/turn/model-turn.ts',
        `error.lostAnswers = run.lost_answers + 1;`,
        `error.lostAnswers = Math.min(run.lost_answers, 0) + 1;`,
      ),
    ],
    caughtBy: [
      by(
        'test/api/failures.test.ts',
        'gives up after five answers that broke off, not counting tries at a server that was away',
      ),
    ],
  },
  {
    id: 'heartbeats-gone',
    why: 'A model that thinks for more than ten seconds is asked again and again.',
    edits: [
      edit(
        'activities/attempt.ts',
        `setInterval(() => context.heartbeat(), HEARTBEAT_MS)`,
        `setInterval(() => {}, HEARTBEAT_MS)`,
      ),
    ],
    caughtBy: [
      by(
        'test/durability/long-steps.test.ts',
        'a model that thinks for long is asked once: the step says that it is alive',
      ),
    ],
  },
  {
    id: 'no-stand-in-for-a-late-loop',
    why: 'A busy computer takes turns from workers that are alive, and each is paid for again.',
    edits: [edit(STAND_IN, `for (const token of running) void beat(token);`, `void beat;`)],
    caughtBy: [
      by(LATE_LOOP, 'keeps the turn of a loop that is ten seconds late, and asks the model once'),
    ],
  },
  {
    id: 'stand-in-for-ever',
    why: 'A worker whose loop has stopped for good keeps its turns, and they never end.',
    edits: [edit(STAND_IN, `late > HOPELESS_MS || `, ``)],
    caughtBy: [by(LATE_LOOP, 'gives up a loop that does not go on')],
  },
];
