/**
 * What one model turn writes. An attempt claims the turn, is then the only writer of the run's events, and ends with
 * one transaction that holds the answer, the usage, the run's next status and the turn's result together.
 */
import { messageEvent, runEvent, stepEvent } from '../../wire/events.ts';
import { toUsage } from '../../wire/objects.ts';
import type { RunRow, RunStepRow, StepUsage, ToolCallRow, UpstreamTurn } from '../../wire/rows.ts';
import type { EndColumns, RunEnd } from '../../wire/run-status.ts';
import { ACTIVE_STATUSES, isActive, runEnd, TRANSITIONS } from '../../wire/run-status.ts';
import type {
  IncompleteReason,
  LastError,
  MessageContent,
  RequiredAction,
  RunEvent,
} from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import { linkFiles } from '../files/linked-files.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { appendEvents, FencedError } from '../events/run-events.ts';
import { endOpenStepIfAny } from './run-steps.ts';
import { RUN_COLUMNS } from './read-runs.ts';
import type { NewToolCall, TurnRef } from './open-step.ts';
import { cutMessage, endMessage, insertToolCalls } from './open-step.ts';

/** What the workflow is told of a turn: ids and verdicts, never text. */
export type TurnOutcome =
  /** The run has ended in Postgres (or its rows are gone). */
  | RunEnd
  /** Built-in tools to run now. */
  | { kind: 'tools'; calls: { id: string; type: 'code_interpreter' | 'file_search' }[] }
  /** The run waits for its client; a signal with this submission follows. */
  | { kind: 'action'; submission: string }
  /** A client asked for cancellation: the run must be finalized. */
  | { kind: 'stopped' };

/**
 * `said`: an attempt that was lost has completed a message before its calls; it stays the turn's. `begun`: how many answers
 * the model has begun and not ended, and was paid for; those that a lost worker was told are not among them.
 */
export type TurnClaim =
  | { kind: 'claimed'; run: RunRow; said: boolean; begun: number }
  | { kind: 'settled'; outcome: TurnOutcome };

const CUT_OFF: LastError = {
  code: 'server_error',
  message: 'The answer was cut off and is being generated again.',
};

/**
 * Takes the turn for this attempt. What a dead attempt left open is closed as incomplete, so that its text is never
 * continued by another answer.
 */
export async function claimTurn(pool: Pool, { runId, turn, owner }: TurnRef): Promise<TurnClaim> {
  return withTransaction(pool, async (tx) => {
    const rows = await query<
      RunRow & { was_queued: boolean; has_open_step: boolean; said: boolean; begun: number }
    >(
      tx,
      'turns.claim',
      `update runs set owner = $2, status = 'in_progress',
         started_at = case when runs.status = 'queued' then unix_now() else runs.started_at end
       from (select id as old_id, status = 'queued' as was_queued from runs where id = $1 for update) old
       where id = old_id and status = any($3::text[])
         and not exists (select from run_turns t where t.run_id = $1 and t.turn = $4)
       returning ${RUN_COLUMNS}, was_queued,
         exists (select from run_steps s where s.run_id = $1 and s.status = 'in_progress') as has_open_step,
         exists (select from run_steps s where s.run_id = $1 and s.turn = $4 and s.status = 'completed') as said,
         (select count(*)::int from run_steps s where s.run_id = $1 and s.turn = $4
            and s.status <> 'completed' and s.usage is not null) as begun`,
      [runId, owner, TRANSITIONS.in_progress, turn],
    );
    const run = rows[0];
    if (run === undefined) {
      return { kind: 'settled', outcome: await settledOutcome(tx, runId, turn) };
    }
    const events = run.has_open_step ? await closeCutOff(tx, run) : [];
    if (run.was_queued) events.unshift(runEvent(run));
    if (events.length > 0) await appendEvents(tx, runId, events, owner);
    return { kind: 'claimed', run, said: run.said, begun: run.begun };
  });
}

/**
 * Why a turn could not be claimed: it was finished before, or the run is ending or has ended. A workflow that was
 * started again finds outputs that an earlier one was signalled for: it goes on as after tools that are all done.
 */
async function settledOutcome(tx: Tx, runId: string, turn: number): Promise<TurnOutcome> {
  const rows = await query<EndColumns & { result: TurnOutcome | null }>(
    tx,
    'turns.settled',
    `select r.status, r.last_error, r.incomplete_reason, (select t.result from run_turns t where t.run_id = r.id and t.turn = $2) as result
     from runs r where r.id = $1`,
    [runId, turn],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'ended', status: 'deleted' };
  if (row.status === 'cancelling') return { kind: 'stopped' };
  if (!isActive(row.status)) return runEnd(row);
  if (row.result?.kind === 'action' && row.status !== 'requires_action') {
    return { kind: 'tools', calls: [] };
  }
  if (row.result !== null) return row.result;
  throw new Error(`Run ${runId} is ${row.status}: turn ${turn} cannot begin.`);
}

async function closeCutOff(tx: Tx, run: RunRow): Promise<RunEvent[]> {
  const step = await endOpenStepIfAny(tx, run.id, 'failed', CUT_OFF);
  if (step === undefined) return [];
  const message = await cutMessage(tx, run.id, step.seq, 'run_failed');
  return [...message, stepEvent(step, run)];
}

export type TurnUsage = {
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
};

/** How a turn ends. `status` is the run's next one; in_progress means that built-in tools run now. */
export type TurnEnd = {
  usage: TurnUsage;
  /** The open message's final text, when there is one. */
  message: {
    id: string;
    content: MessageContent[];
    tokens: number;
    incomplete: IncompleteReason | null;
  } | null;
  /** The open tool_calls step's calls, when there is one. */
  toolCalls: NewToolCall[];
  /** What the model server wants back with the calls. */
  upstream: UpstreamTurn | null;
} & (
  | { status: 'completed' }
  | { status: 'in_progress' }
  | { status: 'requires_action' }
  | { status: 'incomplete'; reason: 'max_completion_tokens' | 'max_prompt_tokens' }
  | { status: 'failed'; error: LastError }
);

/**
 * Ends the turn in one transaction and records its result under (run, turn).
 * @throws FencedError when another attempt owns the run
 */
export async function finishTurn(pool: Pool, ref: TurnRef, end: TurnEnd): Promise<TurnOutcome> {
  return withTransaction(pool, async (tx) => {
    const run = await moveRun(tx, ref, end);
    if (run === undefined) return lostRun(tx, ref);
    const { events, stepId } = await endTurnObjects(tx, run, end);
    if (end.status !== 'in_progress') events.push(runEvent(run));
    const outcome = outcomeOf(end, run, stepId);
    await Promise.all([
      appendEvents(tx, ref.runId, events, ref.owner),
      query(
        tx,
        'turns.record',
        'insert into run_turns (run_id, turn, result) values ($1, $2, $3::jsonb)',
        [ref.runId, ref.turn, toJson(outcome)],
      ),
    ]);
    return outcome;
  });
}

/** Counts what an attempt that came to nothing has used: it was paid for. A run that has ended stays as it is. */
export async function countLostUsage(pool: Pool, runId: string, usage: TurnUsage): Promise<void> {
  await query(
    pool,
    'turns.lost-usage',
    `with step as (
       update run_steps set usage = $7::jsonb where run_id = $1 and status = 'in_progress')
     update runs set prompt_tokens = prompt_tokens + $2, completion_tokens = completion_tokens + $3,
       cached_tokens = cached_tokens + $4, reasoning_tokens = reasoning_tokens + $5
     where id = $1 and status = any($6::text[])`,
    [
      runId,
      usage.prompt_tokens,
      usage.completion_tokens,
      usage.cached_tokens,
      usage.reasoning_tokens,
      ACTIVE_STATUSES,
      toJson(toUsage(usage)),
    ],
  );
}

async function moveRun(tx: Tx, ref: TurnRef, end: TurnEnd): Promise<RunRow | undefined> {
  const rows = await query<RunRow>(
    tx,
    'turns.move-run',
    `update runs set status = $3, prompt_tokens = prompt_tokens + $4, completion_tokens = completion_tokens + $5,
       cached_tokens = cached_tokens + $6, reasoning_tokens = reasoning_tokens + $7, required_action = $8::jsonb,
       incomplete_reason = $9, last_error = $10::jsonb,
       completed_at = case when $3 = 'completed' then unix_now() end,
       failed_at = case when $3 = 'failed' then unix_now() end
     where id = $1 and owner = $2 and status = 'in_progress' returning ${RUN_COLUMNS}`,
    [
      ref.runId,
      ref.owner,
      end.status,
      end.usage.prompt_tokens,
      end.usage.completion_tokens,
      end.usage.cached_tokens,
      end.usage.reasoning_tokens,
      end.status === 'requires_action' ? toJson(requiredAction(end.toolCalls)) : null,
      end.status === 'incomplete' ? end.reason : null,
      end.status === 'failed' ? toJson(end.error) : null,
    ],
  );
  return rows[0];
}

/** Functions are the client's to run; built-in and refused calls of the same step are not shown in the action. */
export function requiredAction(
  calls: Pick<ToolCallRow, 'id' | 'type' | 'name' | 'input' | 'result'>[],
): RequiredAction {
  return {
    type: 'submit_tool_outputs',
    submit_tool_outputs: {
      tool_calls: calls
        .filter((call) => call.type === 'function' && call.result === null)
        .map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.input },
        })),
    },
  };
}

/** The status moved under us: a cancel came first, or another attempt took over. */
async function lostRun(tx: Tx, ref: TurnRef): Promise<TurnOutcome> {
  const rows = await query<EndColumns>(
    tx,
    'turns.lost',
    'select status, last_error, incomplete_reason from runs where id = $1',
    [ref.runId],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'ended', status: 'deleted' };
  if (row.status === 'cancelling') return { kind: 'stopped' };
  if (!isActive(row.status)) return runEnd(row);
  throw new FencedError(`Run ${ref.runId} is owned by another attempt.`);
}

async function endTurnObjects(
  tx: Tx,
  run: RunRow,
  end: TurnEnd,
): Promise<{ events: RunEvent[]; stepId: string }> {
  const given = end.message;
  const linked = given === null ? null : await linkFiles(tx, run, given.id, given.content);
  const [message, , stepId, step] = await Promise.all([
    given === null || linked === null
      ? undefined
      : endMessage(tx, given.id, {
          content: linked.content,
          tokens: given.tokens,
          reason: given.incomplete,
        }),
    end.toolCalls.length === 0 ? undefined : insertToolCalls(tx, run.id, end.toolCalls),
    recordUsage(tx, run.id, toUsage(end.usage), end.toolCalls.length === 0 ? null : end.upstream),
    endTurnStep(tx, run.id, end),
  ]);
  const events = linked?.events ?? [];
  if (message !== undefined) events.push(messageEvent(message));
  if (step !== undefined) events.push(stepEvent(step, run));
  return { events, stepId: stepId ?? '' };
}

/** The turn's last step stays open while tools run or the client is waited for. */
async function endTurnStep(tx: Tx, runId: string, end: TurnEnd): Promise<RunStepRow | undefined> {
  const goesOn = end.status === 'in_progress' || end.status === 'requires_action';
  if (goesOn && end.toolCalls.some(({ result }) => result === null)) return undefined;
  const failed = end.status === 'failed' || (end.status === 'incomplete' && end.message === null);
  const error = end.status === 'failed' ? end.error : failed ? TOOL_CALL_CUT : null;
  return endOpenStepIfAny(tx, runId, failed ? 'failed' : 'completed', error);
}

const TOOL_CALL_CUT: LastError = {
  code: 'server_error',
  message: 'The tool call was cut off by the limit on completion tokens.',
};

/** A turn's usage goes to its last step, with what is kept for the model server. Returns that step's id, when it is still open. */
async function recordUsage(
  db: Queryable,
  runId: string,
  usage: StepUsage,
  upstream: UpstreamTurn | null,
): Promise<string | undefined> {
  const rows = await query<{ id: string }>(
    db,
    'turns.usage',
    `update run_steps set usage = $2::jsonb, upstream = $3::jsonb
     where run_id = $1 and status = 'in_progress' returning id`,
    [runId, toJson(usage), upstream === null ? null : toJson(upstream)],
  );
  return rows[0]?.id;
}

function outcomeOf(end: TurnEnd, run: RunRow, stepId: string): TurnOutcome {
  switch (end.status) {
    case 'in_progress':
      return {
        kind: 'tools',
        calls: end.toolCalls.flatMap((call) =>
          call.type === 'function' || call.result !== null
            ? []
            : [{ id: call.id, type: call.type }],
        ),
      };
    case 'requires_action':
      return { kind: 'action', submission: stepId };
    default:
      return runEnd(run);
  }
}
