/** The end of a turn: one transaction holds the answer, the usage, the run's next status and the turn's result. */
import { messageEvent, runEvent, stepEvent } from '../../wire/events.ts';
import type { TurnRequest } from '../../wire/explanation.ts';
import type { MessageId, RunId, StepId } from '../../wire/ids.ts';
import { toUsage } from '../../wire/objects.ts';
import { tokensUsed } from '../../telemetry/metrics.ts';
import type { RunRow, RunStepRow, StepUsage, TokenCounts, UpstreamTurn } from '../../wire/rows.ts';
import type { EndColumns, RunEnd, Stopped } from '../../wire/run-status.ts';
import { ACTIVE_STATUSES, DELETED, runEnd, stopOf } from '../../wire/run-status.ts';
import type { IncompleteReason, LastError, MessageContent, RunEvent } from '../../wire/types.ts';
import type { Spent } from '../batches/spend.ts';
import { ADD_SPEND, countsOf } from '../batches/spend.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { afterCommit, query, withTransaction } from '../core/pool.ts';
import { appendEvents, FencedError } from '../events/run-events.ts';
import { linkFiles } from '../files/linked-files.ts';
import { CHARGE_TOKENS } from '../projects/rate-buckets.ts';
import { COUNT_TOKENS } from '../projects/usage.ts';
import type { NewToolCall, TurnRef } from './open-step.ts';
import { endMessage, insertToolCalls } from './open-step.ts';
import { endOpenStepIfAny } from '../runs/run-steps.ts';
import type { StatusAfterTurn } from '../runs/transitions.ts';
import { endTurn } from '../runs/transitions.ts';

/** What the workflow learns of a turn: ids and kinds, never text. */
export type TurnResult =
  /** The run has ended in Postgres (or its rows are gone). */
  | RunEnd
  /** Built-in tools to run now. */
  | { kind: 'tools'; calls: { id: string; type: 'code_interpreter' | 'file_search' }[] }
  /** The run waits for its client; a signal with this submission follows. */
  | { kind: 'action'; submission: string }
  /** A client asked for cancellation: the run must be finalized. */
  | Stopped;

/** How a turn ends. */
export type TurnEnd = StatusAfterTurn & {
  usage: Spent;
  /** The open message's final text, when there is one. */
  message: {
    id: MessageId;
    content: MessageContent[];
    tokens: number;
    incomplete: IncompleteReason | null;
  } | null;
  /** The open tool_calls step's calls, when there is one. */
  toolCalls: NewToolCall[];
  /** What the model server wants back with the calls. */
  upstream: UpstreamTurn | null;
  /** Undefined: nothing was sent. */
  request?: TurnRequest;
};

/**
 * Ends the turn in one transaction and records its result under (run, turn).
 * @throws FencedError when another attempt owns the run
 */
export async function finishTurn(pool: Pool, ref: TurnRef, end: TurnEnd): Promise<TurnResult> {
  return withTransaction(pool, async (tx) => {
    const run = await endTurn(tx, ref, end);
    if (run === undefined) return resultOfLostTurn(tx, ref);
    afterCommit(tx, () => countTokens(run, end.usage));
    const { events, stepId } = await endTurnObjects(tx, run, end);
    if (end.status !== 'in_progress') events.push(runEvent(run));
    const result = resultOf(end, run, stepId);
    await Promise.all([
      appendEvents(tx, ref.runId, events, ref.owner),
      query(
        tx,
        'turns.record',
        `with owners as (select project_id, key_id, batch_id from runs where id = $1),
           charged as (${CHARGE_TOKENS('$4::bigint')}), counted as (${COUNT_TOKENS('$5', '$6', '$7', '$8', '$9')}),
           spent as (${ADD_SPEND('$5', '$6', '$7', '$8', '$9')})
         insert into run_turns (run_id, turn, result, request) values ($1, $2, $3::jsonb, $10::jsonb)`,
        [
          ref.runId,
          ref.turn,
          toJson(result),
          tokensOf(end.usage),
          ...countsOf(end.usage),
          end.request === undefined ? null : toJson(end.request),
        ],
      ),
    ]);
    return result;
  });
}

function countTokens({ project_id: project, model }: OfRun, usage: TokenCounts): void {
  const { prompt_tokens: input, completion_tokens: output } = usage;
  const { cached_tokens: cached, reasoning_tokens: reasoning } = usage;
  if (input + output > 0) tokensUsed({ project, model, input, output, cached, reasoning });
}

type OfRun = Pick<RunRow, 'project_id' | 'model'>;

/** Counts the tokens of an attempt that failed: they were paid for. A run that has ended stays as it is. */
export async function countLostUsage(pool: Pool, runId: RunId, usage: Spent): Promise<void> {
  const counted = await query<OfRun>(
    pool,
    'turns.lost-usage',
    `with step as (
       update run_steps set usage = $7::jsonb where run_id = $1 and status = 'in_progress'),
     owners as (
       update runs set prompt_tokens = prompt_tokens + $2, completion_tokens = completion_tokens + $3,
         cached_tokens = cached_tokens + $4, reasoning_tokens = reasoning_tokens + $5
       where id = $1 and status = any($6::text[]) returning project_id, key_id, model, batch_id),
     counted as (${COUNT_TOKENS('$2', '$4', '$3', '$5', '$9')}), spent as (${ADD_SPEND('$2', '$4', '$3', '$5', '$9')}),
     charged as (${CHARGE_TOKENS('$8::bigint')})
     select project_id, model from owners`,
    [
      runId,
      usage.prompt_tokens,
      usage.completion_tokens,
      usage.cached_tokens,
      usage.reasoning_tokens,
      ACTIVE_STATUSES,
      toJson(toUsage(usage)),
      tokensOf(usage),
      usage.cost ?? 0,
    ],
  );
  for (const run of counted) countTokens(run, usage);
}

const tokensOf = ({ prompt_tokens, completion_tokens }: TokenCounts) =>
  prompt_tokens + completion_tokens;

/** The status was changed meanwhile: a cancel came first, or another attempt took over. */
async function resultOfLostTurn(tx: Tx, { runId }: TurnRef): Promise<RunEnd | Stopped> {
  const rows = await query<EndColumns>(
    tx,
    'turns.lost',
    'select status, last_error, incomplete_reason from runs where id = $1',
    [runId],
  );
  const stop = rows[0] === undefined ? DELETED : stopOf(rows[0]);
  if (stop === undefined) throw new FencedError(`Run ${runId} is owned by another attempt.`);
  return stop;
}

async function endTurnObjects(
  tx: Tx,
  run: RunRow,
  end: TurnEnd,
): Promise<{ events: RunEvent[]; stepId: string }> {
  const answer = end.message;
  const linked = answer === null ? null : await linkFiles(tx, run, answer.id, answer.content);
  const [message, , stepId, step] = await Promise.all([
    answer === null || linked === null
      ? undefined
      : endMessage(tx, answer.id, {
          content: linked.content,
          tokens: answer.tokens,
          reason: answer.incomplete,
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

/** The turn's last step stays open while tools run or the run waits for its client. */
async function endTurnStep(tx: Tx, runId: RunId, end: TurnEnd): Promise<RunStepRow | undefined> {
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

/** A turn's usage goes to its last step, with the fields for the model server. Returns that step's id while it is open. */
async function recordUsage(
  db: Queryable,
  runId: RunId,
  usage: StepUsage,
  upstream: UpstreamTurn | null,
): Promise<StepId | undefined> {
  const rows = await query<{ id: StepId }>(
    db,
    'turns.usage',
    `update run_steps set usage = $2::jsonb, upstream = $3::jsonb
     where run_id = $1 and status = 'in_progress' returning id`,
    [runId, toJson(usage), upstream === null ? null : toJson(upstream)],
  );
  return rows[0]?.id;
}

function resultOf(end: TurnEnd, run: RunRow, stepId: string): TurnResult {
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
