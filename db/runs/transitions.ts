/**
 * The only file that changes a run's status. Each transition is one statement, which finds the run only in a status that
 * `TRANSITIONS` names for the next one. Undefined means that the run was in another status, or gone.
 */
import { runEnded, runLeftQueue } from '../../telemetry/metrics.ts';
import type { RunId } from '../../wire/ids.ts';
import { timeOfId } from '../../wire/ids.ts';
import type { RunRow, TokenCounts, ToolCallRow } from '../../wire/rows.ts';
import { isActive, TRANSITIONS } from '../../wire/run-status.ts';
import type { LastError, RequiredAction, RunStatus } from '../../wire/types.ts';
import { followRun } from '../batches/line-states.ts';
import { toJson } from '../core/json.ts';
import type { Tx } from '../core/pool.ts';
import { afterCommit, query } from '../core/pool.ts';
import { CONTROL_CHANNEL } from '../events/run-control.ts';
import type { TurnRef } from '../turns/open-step.ts';
import type { RunPath } from './read-runs.ts';
import { RUN_COLUMNS } from './read-runs.ts';

/** SQL of a transition. Its own parameters begin with $4. */
type Move = { name: string; set: string; where?: string; returning?: string };

async function moveRun(
  tx: Tx,
  [runId, to]: [string, RunStatus],
  { name, set, where = 'true', returning = '' }: Move,
  values: unknown[] = [],
): Promise<RunRow | undefined> {
  const rows = await query<RunRow>(
    tx,
    name,
    `update runs set status = $2, ${set} where id = $1 and status = any($3::text[]) and ${where}
     returning ${RUN_COLUMNS}${returning}`,
    [runId, to, TRANSITIONS[to], ...values],
  );
  const run = rows[0];
  if (run === undefined) return undefined;
  if (!isActive(to)) {
    const reason = run.last_error?.code ?? run.incomplete_reason ?? '';
    afterCommit(tx, () => runEnded(to, reason, secondsSince(run)));
  }
  await followRun(tx, run);
  return run;
}

/** Ids that were not minted here have no instant; `created_at` has whole seconds. */
const secondsSince = ({ id, created_at }: RunRow) =>
  Math.max(0, (Date.now() - (timeOfId(id) ?? created_at * 1_000)) / 1_000);

/** A run as an attempt at one of its turns finds it. */
export type ClaimedRun = RunRow & {
  was_queued: boolean;
  has_open_step: boolean;
  /** A lost attempt at the turn has completed a message: it stays the turn's. */
  has_message: boolean;
  /** Answers of the turn that were paid for and cut off. */
  lost_answers: number;
};

/** queued | in_progress → in_progress, with the attempt `owner` as the only writer. Undefined also when the turn has its result. */
export async function claimRun(
  tx: Tx,
  { runId, turn, owner }: TurnRef,
): Promise<ClaimedRun | undefined> {
  const rows = await query<ClaimedRun>(
    tx,
    'turns.claim',
    `update runs set owner = $2, status = 'in_progress',
       started_at = case when runs.status = 'queued' then unix_now() else runs.started_at end
     from (select id as old_id, status = 'queued' as was_queued from runs where id = $1 for update) old
     where id = old_id and status = any($3::text[])
       and not exists (select from run_turns t where t.run_id = $1 and t.turn = $4)
     returning ${RUN_COLUMNS}, was_queued,
       exists (select from run_steps s where s.run_id = $1 and s.status = 'in_progress') as has_open_step,
       exists (select from run_steps s where s.run_id = $1 and s.turn = $4 and s.status = 'completed') as has_message,
       (select count(*)::int from run_steps s where s.run_id = $1 and s.turn = $4
          and s.status <> 'completed' and s.usage is not null) as lost_answers`,
    [runId, owner, TRANSITIONS.in_progress, turn],
  );
  const run = rows[0];
  if (run?.was_queued === true && turn === 0) {
    afterCommit(tx, () => runLeftQueue(secondsSince(run)));
  }
  return run;
}

type Call = Pick<ToolCallRow, 'id' | 'type' | 'name' | 'input' | 'result'>;

/** The run's status after a turn. in_progress means that built-in tools run now. */
export type StatusAfterTurn =
  | { status: 'completed' | 'in_progress' | 'requires_action' }
  | { status: 'incomplete'; reason: 'max_completion_tokens' | 'max_prompt_tokens' }
  | { status: 'failed'; error: LastError };

/** in_progress → the status after the turn, only for the attempt that owns the run. */
export async function endTurn(
  tx: Tx,
  { runId, owner }: Pick<TurnRef, 'runId' | 'owner'>,
  end: StatusAfterTurn & { usage: TokenCounts; toolCalls: Call[] },
): Promise<RunRow | undefined> {
  const { usage } = end;
  const move = {
    name: 'turns.move-run',
    set: `prompt_tokens = prompt_tokens + $5, completion_tokens = completion_tokens + $6,
       cached_tokens = cached_tokens + $7, reasoning_tokens = reasoning_tokens + $8, required_action = $9::jsonb,
       incomplete_reason = $10, last_error = $11::jsonb,
       completed_at = case when $2 = 'completed' then unix_now() end,
       failed_at = case when $2 = 'failed' then unix_now() end`,
    where: `owner = $4 and status = 'in_progress'`,
  };
  return moveRun(tx, [runId, end.status], move, [
    owner,
    usage.prompt_tokens,
    usage.completion_tokens,
    usage.cached_tokens,
    usage.reasoning_tokens,
    end.status === 'requires_action' ? toJson(requiredAction(end.toolCalls)) : null,
    end.status === 'incomplete' ? end.reason : null,
    end.status === 'failed' ? toJson(end.error) : null,
  ]);
}

/** in_progress → requires_action, when the built-in calls of a step are done and functions are left. */
export async function pauseRun(tx: Tx, runId: RunId, calls: Call[]): Promise<RunRow | undefined> {
  const move = { name: 'tool-calls.pause-run', set: 'required_action = $4::jsonb' };
  return moveRun(tx, [runId, 'requires_action'], move, [toJson(requiredAction(calls))]);
}

/** Functions are the client's to run; built-in and refused calls of the same step are not shown in the action. */
function requiredAction(calls: Call[]): RequiredAction {
  const open = calls.filter((call) => call.type === 'function' && call.result === null);
  return {
    type: 'submit_tool_outputs',
    submit_tool_outputs: {
      tool_calls: open.map(({ id, name, input }) => ({
        id,
        type: 'function',
        function: { name, arguments: input },
      })),
    },
  };
}

/** requires_action → queued, before the deadline. */
export async function resumeRun(tx: Tx, runId: RunId): Promise<RunRow | undefined> {
  return moveRun(tx, [runId, 'queued'], {
    name: 'runs.resume',
    set: 'required_action = null',
    where: 'expires_at > unix_now()',
  });
}

/** An active run → cancelling. Wakes the worker that may be streaming it. */
export async function startCancelling(
  tx: Tx,
  { projectId, threadId, runId }: RunPath,
): Promise<RunRow | undefined> {
  const move = {
    name: 'runs.cancel',
    set: 'updated_at = clock_timestamp()',
    where: 'thread_id = $4 and project_id = $5',
    returning: `, pg_notify('${CONTROL_CHANNEL}', $1)`,
  };
  return moveRun(tx, [runId, 'cancelling'], move, [threadId, projectId]);
}

export type FinalStatus =
  { status: 'cancelled' | 'expired' | 'incomplete' } | { status: 'failed'; error: LastError };

/** An active run → its final status, when no model turn has ended it. */
export async function endRun(
  tx: Tx,
  runId: RunId,
  final: FinalStatus,
): Promise<RunRow | undefined> {
  const move = {
    name: 'finalize.end-run',
    set: `owner = null, required_action = null, last_error = $4::jsonb, incomplete_reason = $5,
       cancelled_at = case when $2 = 'cancelled' then unix_now() end,
       failed_at = case when $2 = 'failed' then unix_now() end`,
  };
  return moveRun(tx, [runId, final.status], move, [
    final.status === 'failed' ? toJson(final.error) : null,
    final.status === 'incomplete' ? 'max_completion_tokens' : null,
  ]);
}
