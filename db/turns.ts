/**
 * What one model turn writes. An attempt claims the turn, is then the only writer of the run's events, and ends with
 * one transaction that holds the answer, the usage, the run's next status and the turn's result together.
 */
import { messageEvent, runEvent, stepEvent, textDelta, textOfDeltas } from '../wire/events.ts';
import { mintId } from '../wire/ids.ts';
import type { MessageRow, RunRow, RunStepRow, StepUsage, ToolCallRow } from '../wire/rows.ts';
import { isActive, TRANSITIONS } from '../wire/run-status.ts';
import type {
  IncompleteReason,
  LastError,
  MessageContent,
  RequiredAction,
  RunEvent,
  RunStatus,
} from '../wire/types.ts';
import type { Pool, Queryable, Tx } from './pool.ts';
import { query, withTransaction } from './pool.ts';
import { appendEvents, FencedError, readEvents } from './run-events.ts';
import { endOpenStep, endOpenStepIfAny } from './run-steps.ts';
import { RUN_COLUMNS } from './runs.ts';

/** What the workflow is told of a turn: ids and verdicts, never text. */
export type TurnOutcome =
  /** The run has ended in Postgres (or its rows are gone). */
  | { kind: 'ended'; status: RunStatus | 'deleted' }
  /** Built-in tools to run now. */
  | { kind: 'tools'; calls: { id: string; type: 'code_interpreter' }[] }
  /** The run waits for its client; a signal with this submission follows. */
  | { kind: 'action'; submission: string }
  /** A client asked for cancellation: the run must be finalized. */
  | { kind: 'stopped' };

export type TurnClaim =
  { kind: 'claimed'; run: RunRow } | { kind: 'settled'; outcome: TurnOutcome };

/** Names the attempt that may write; it goes with every write. */
export type TurnRef = { runId: string; turn: number; owner: string };

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
    const rows = await query<RunRow & { was_queued: boolean }>(
      tx,
      'turns.claim',
      `update runs set owner = $2, status = 'in_progress',
         started_at = case when runs.status = 'queued' then unix_now() else runs.started_at end
       from (select id as old_id, status = 'queued' as was_queued from runs where id = $1 for update) old
       where id = old_id and status = any($3::text[])
         and not exists (select from run_turns t where t.run_id = $1 and t.turn = $4)
       returning ${RUN_COLUMNS}, was_queued`,
      [runId, owner, TRANSITIONS.in_progress, turn],
    );
    const run = rows[0];
    if (run === undefined)
      return { kind: 'settled', outcome: await settledOutcome(tx, runId, turn) };
    const events = await closeCutOff(tx, run);
    if (run.was_queued) events.unshift(runEvent(run));
    if (events.length > 0) await appendEvents(tx, runId, events, owner);
    return { kind: 'claimed', run };
  });
}

/**
 * Why a turn could not be claimed: it was finished before, or the run is ending or has ended. A workflow that was
 * started again finds outputs that an earlier one was signalled for: it goes on as after tools that are all done.
 */
async function settledOutcome(tx: Tx, runId: string, turn: number): Promise<TurnOutcome> {
  const rows = await query<{ status: RunStatus; result: TurnOutcome | null }>(
    tx,
    'turns.settled',
    `select r.status, (select t.result from run_turns t where t.run_id = r.id and t.turn = $2) as result
     from runs r where r.id = $1`,
    [runId, turn],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'ended', status: 'deleted' };
  if (row.status === 'cancelling') return { kind: 'stopped' };
  if (!isActive(row.status)) return { kind: 'ended', status: row.status };
  if (row.result?.kind === 'action' && row.status !== 'requires_action')
    return { kind: 'tools', calls: [] };
  if (row.result !== null) return row.result;
  throw new Error(`Run ${runId} is ${row.status}: turn ${turn} cannot begin.`);
}

async function closeCutOff(tx: Tx, run: RunRow): Promise<RunEvent[]> {
  const step = await endOpenStepIfAny(tx, run.id, 'failed', CUT_OFF);
  if (step === undefined) return [];
  const message = await cutMessage(tx, run.id, step.seq, 'run_failed');
  return [...message, stepEvent(step, run)];
}

/** Closes the run's open message with the text that its readers saw. */
export async function cutMessage(
  tx: Tx,
  runId: string,
  stepSeq: number,
  reason: IncompleteReason,
): Promise<RunEvent[]> {
  const open = await query<{ id: string }>(
    tx,
    'turns.open-message',
    `select id from messages where run_id = $1 and status = 'in_progress'`,
    [runId],
  );
  if (open[0] === undefined) return [];
  const deltas = await readEvents(tx, runId, stepSeq, 1_000_000);
  const content = textOfDeltas(
    deltas.map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown })),
  );
  return [messageEvent(await endMessage(tx, open[0].id, content, roughTokens(content), reason))];
}

/** A cut message's size towards later context windows: four characters a token, since nobody counted it. */
function roughTokens(content: MessageContent[]): number {
  return Math.ceil(JSON.stringify(content).length / 4);
}

async function endMessage(
  tx: Tx,
  id: string,
  content: MessageContent[],
  tokens: number,
  reason: IncompleteReason | null,
): Promise<MessageRow> {
  const rows = await query<MessageRow>(
    tx,
    'turns.end-message',
    `with message as (
       update messages set content = $2::jsonb, tokens = $3, incomplete_reason = $4,
         status = case when $4::text is null then 'completed' else 'incomplete' end,
         completed_at = case when $4::text is null then unix_now() end,
         incomplete_at = case when $4::text is not null then unix_now() end
       where id = $1 and status = 'in_progress'
       returning id, thread_id, seq, created_at, role, status, incomplete_reason, completed_at, incomplete_at, content,
         attachments, metadata, assistant_id, run_id),
     thread as (
       update threads set total_tokens = total_tokens + $3 from message where threads.id = message.thread_id)
     select * from message`,
    [id, JSON.stringify(content), tokens, reason],
  );
  if (rows[0] === undefined) throw new FencedError(`Message ${id} is no longer open.`);
  return rows[0];
}

/** A step that this attempt opened and has not closed. */
export type OpenStep = { stepId: string; messageId: string | null; lastSeq: number };

/** Opens a message with its first text: rows, the four opening events and the first delta in one transaction. */
export async function openMessage(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  text: string,
): Promise<OpenStep> {
  const now = Math.floor(Date.now() / 1_000);
  const message = newMessage(run, now);
  const step = newStep(run, ref.turn, 'message_creation', message.id, now);
  const events = [
    stepEvent(step, run, 'created'),
    stepEvent(step, run),
    messageEvent(message, 'created'),
    messageEvent(message),
    textDelta(message.id, 0, text, true),
  ];
  return withTransaction(pool, async (tx) => {
    const first = await appendEvents(tx, run.id, events, ref.owner);
    await insertOpenMessage(tx, run, message);
    await insertStep(tx, run, step, first);
    return { stepId: step.id, messageId: message.id, lastSeq: first + events.length - 1 };
  });
}

/** Opens a tool_calls step with the delta that opens its first call. */
export async function openToolStep(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  opening: (stepId: string) => RunEvent,
): Promise<OpenStep> {
  const step = newStep(run, ref.turn, 'tool_calls', null, Math.floor(Date.now() / 1_000));
  const events = [stepEvent(step, run, 'created'), stepEvent(step, run), opening(step.id)];
  return withTransaction(pool, async (tx) => {
    const first = await appendEvents(tx, run.id, events, ref.owner);
    await insertStep(tx, run, step, first);
    return { stepId: step.id, messageId: null, lastSeq: first + events.length - 1 };
  });
}

function newMessage(run: RunRow, now: number): MessageRow {
  return {
    id: mintId('message'),
    thread_id: run.thread_id,
    seq: 0,
    created_at: now,
    role: 'assistant',
    status: 'in_progress',
    incomplete_reason: null,
    completed_at: null,
    incomplete_at: null,
    content: [],
    attachments: [],
    metadata: {},
    assistant_id: run.assistant_id,
    run_id: run.id,
  };
}

function newStep(
  run: RunRow,
  turn: number,
  type: RunStepRow['type'],
  messageId: string | null,
  now: number,
): RunStepRow {
  return {
    id: mintId('run_step'),
    run_id: run.id,
    thread_id: run.thread_id,
    assistant_id: run.assistant_id,
    turn,
    seq: 0,
    type,
    status: 'in_progress',
    message_id: messageId,
    created_at: now,
    completed_at: null,
    failed_at: null,
    cancelled_at: null,
    expired_at: null,
    last_error: null,
    usage: null,
    tool_calls: [],
  };
}

async function insertOpenMessage(tx: Tx, run: RunRow, message: MessageRow): Promise<void> {
  await query(
    tx,
    'turns.insert-message',
    `with thread as (
       update threads set last_message_seq = last_message_seq + 1 where id = $2 returning last_message_seq, total_tokens)
     insert into messages (id, thread_id, project_id, seq, created_at, role, status, content, attachments, metadata,
       assistant_id, run_id, tokens_before)
     select $1, $2, $3, last_message_seq, $4, 'assistant', 'in_progress', '[]', '[]', '{}', $5, $6, total_tokens
     from thread`,
    [message.id, run.thread_id, run.project_id, message.created_at, run.assistant_id, run.id],
  );
}

async function insertStep(tx: Tx, run: RunRow, step: RunStepRow, seq: number): Promise<void> {
  await query(
    tx,
    'turns.insert-step',
    `insert into run_steps (id, run_id, project_id, thread_id, assistant_id, turn, seq, type, status, message_id, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'in_progress', $9, $10)`,
    [
      step.id,
      run.id,
      run.project_id,
      run.thread_id,
      run.assistant_id,
      step.turn,
      seq,
      step.type,
      step.message_id,
      step.created_at,
    ],
  );
}

/** Completes a message in the middle of a turn: the model goes on with tool calls. */
export async function completeMessage(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  messageId: string,
  answer: { content: MessageContent[]; tokens: number },
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const message = await endMessage(tx, messageId, answer.content, answer.tokens, null);
    const step = await endOpenStep(tx, run.id, 'completed');
    await appendEvents(tx, run.id, [messageEvent(message), stepEvent(step, run)], ref.owner);
  });
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
  toolCalls: Pick<ToolCallRow, 'index' | 'id' | 'type' | 'name' | 'input'>[];
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
    const events = await endTurnObjects(tx, run, end);
    const stepId = events.stepId;
    if (end.status !== 'in_progress') events.list.push(runEvent(run));
    await appendEvents(tx, ref.runId, events.list, ref.owner);
    const outcome = outcomeOf(end, stepId);
    await query(
      tx,
      'turns.record',
      'insert into run_turns (run_id, turn, result) values ($1, $2, $3::jsonb)',
      [ref.runId, ref.turn, JSON.stringify(outcome)],
    );
    return outcome;
  });
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
      end.status === 'requires_action' ? JSON.stringify(requiredAction(end.toolCalls)) : null,
      end.status === 'incomplete' ? end.reason : null,
      end.status === 'failed' ? JSON.stringify(end.error) : null,
    ],
  );
  return rows[0];
}

/** Functions are the client's to run; built-in calls of the same step are not shown in the action. */
export function requiredAction(
  calls: Pick<ToolCallRow, 'id' | 'type' | 'name' | 'input'>[],
): RequiredAction {
  return {
    type: 'submit_tool_outputs',
    submit_tool_outputs: {
      tool_calls: calls
        .filter((call) => call.type === 'function')
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
  const rows = await query<{ status: RunStatus; owner: string | null }>(
    tx,
    'turns.lost',
    'select status, owner from runs where id = $1',
    [ref.runId],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'ended', status: 'deleted' };
  if (row.status === 'cancelling') return { kind: 'stopped' };
  if (!isActive(row.status)) return { kind: 'ended', status: row.status };
  throw new FencedError(`Run ${ref.runId} is owned by another attempt.`);
}

async function endTurnObjects(
  tx: Tx,
  run: RunRow,
  end: TurnEnd,
): Promise<{ list: RunEvent[]; stepId: string }> {
  const list: RunEvent[] = [];
  const usage: StepUsage = {
    prompt_tokens: end.usage.prompt_tokens,
    completion_tokens: end.usage.completion_tokens,
    total_tokens: end.usage.prompt_tokens + end.usage.completion_tokens,
  };
  if (end.message !== null) {
    const { id, content, tokens, incomplete } = end.message;
    list.push(messageEvent(await endMessage(tx, id, content, tokens, incomplete)));
  }
  if (end.toolCalls.length > 0) await insertToolCalls(tx, run.id, end.toolCalls);
  const stepId = await recordUsage(tx, run.id, usage);
  const waits = end.status === 'in_progress' || end.status === 'requires_action';
  if (stepId !== undefined && !waits) {
    const failed = end.status === 'failed' || (end.status === 'incomplete' && end.message === null);
    const error = end.status === 'failed' ? end.error : failed ? TOOL_CALL_CUT : null;
    list.push(
      stepEvent(await endOpenStep(tx, run.id, failed ? 'failed' : 'completed', error), run),
    );
  }
  return { list, stepId: stepId ?? '' };
}

const TOOL_CALL_CUT: LastError = {
  code: 'server_error',
  message: 'The tool call was cut off by the limit on completion tokens.',
};

async function insertToolCalls(tx: Tx, runId: string, calls: TurnEnd['toolCalls']): Promise<void> {
  await query(
    tx,
    'turns.insert-tool-calls',
    `insert into tool_calls (step_id, run_id, index, id, type, name, input)
     select s.id, $1, c.index, c.id, c.type, c.name, c.input
     from run_steps s, unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[]) as c(index, id, type, name, input)
     where s.run_id = $1 and s.status = 'in_progress'`,
    [
      runId,
      calls.map((call) => call.index),
      calls.map((call) => call.id),
      calls.map((call) => call.type),
      calls.map((call) => call.name),
      calls.map((call) => call.input),
    ],
  );
}

/** A turn's usage goes to its last step. Returns that step's id, when it is still open. */
async function recordUsage(
  db: Queryable,
  runId: string,
  usage: StepUsage,
): Promise<string | undefined> {
  const rows = await query<{ id: string }>(
    db,
    'turns.usage',
    `update run_steps set usage = $2::jsonb where run_id = $1 and status = 'in_progress' returning id`,
    [runId, JSON.stringify(usage)],
  );
  return rows[0]?.id;
}

function outcomeOf(end: TurnEnd, stepId: string): TurnOutcome {
  switch (end.status) {
    case 'in_progress':
      return {
        kind: 'tools',
        calls: end.toolCalls.flatMap((call) =>
          call.type === 'code_interpreter' ? [{ id: call.id, type: call.type }] : [],
        ),
      };
    case 'requires_action':
      return { kind: 'action', submission: stepId };
    default:
      return { kind: 'ended', status: end.status };
  }
}
