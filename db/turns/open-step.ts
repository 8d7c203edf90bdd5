/** The messages and steps that a turn opens and closes. Each change of rows carries its events in the same transaction. */
import {
  contentOfDeltas,
  imageDelta,
  messageEvent,
  stepEvent,
  textDelta,
} from '../../wire/events.ts';
import type { MessageId, RunId, StepId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { MessageRow, RunRow, RunStepRow, ToolCallRow } from '../../wire/rows.ts';
import type { IncompleteReason, MessageContent, RunEvent } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import { linkFiles } from '../files/linked-files.ts';
import { MESSAGE_COLUMNS } from '../threads/messages.ts';
import type { Pool, Tx } from '../core/pool.ts';
import { columnsOf, query, withTransaction } from '../core/pool.ts';
import { appendEvents, FencedError, withEventsHeld } from '../events/run-events.ts';
import { endOpenStep } from '../runs/run-steps.ts';

/** Names the attempt that may write; it goes with every write. */
export type TurnRef = { runId: RunId; turn: number; owner: string };

/** A call as the model made it. A refused call has its result already. */
export type NewToolCall = Pick<ToolCallRow, 'index' | 'id' | 'type' | 'name' | 'input' | 'result'>;

/** Closes the run's open message with the content that its readers saw. */
export async function cutMessage(
  tx: Tx,
  runId: RunId,
  stepSeq: number,
  reason: IncompleteReason,
): Promise<RunEvent[]> {
  const open = await query<{ id: MessageId }>(
    tx,
    'turns.open-message',
    `select id from messages where run_id = $1 and status = 'in_progress'`,
    [runId],
  );
  if (open[0] === undefined) return [];
  const { id } = open[0];
  const message = await withEventsHeld(tx, runId, stepSeq, (deltas) => {
    const content = contentOfDeltas(
      deltas.map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown })),
    );
    return endMessage(tx, id, { content, tokens: roughTokens(content), reason });
  });
  if (reason === 'run_failed') await deleteEarlierFragments(tx, runId, message.id);
  return [messageEvent(message)];
}

/** The thread keeps the last of several failed answers. A stream still shows all of them. */
async function deleteEarlierFragments(tx: Tx, runId: RunId, newestId: string): Promise<void> {
  await query(
    tx,
    'turns.delete-fragments',
    `delete from messages
     where run_id = $1 and id <> $2 and status = 'incomplete' and incomplete_reason = 'run_failed'`,
    [runId, newestId],
  );
}

/** The size of a cut message in later context windows, at four characters a token. */
function roughTokens(content: MessageContent[]): number {
  return Math.ceil(JSON.stringify(content).length / 4);
}

type MessageEnd = { content: MessageContent[]; tokens: number; reason: IncompleteReason | null };

/** Gives an open message its final content; with a reason it ends incomplete. */
export async function endMessage(
  tx: Tx,
  id: MessageId,
  { content, tokens, reason }: MessageEnd,
): Promise<MessageRow> {
  const rows = await query<MessageRow>(
    tx,
    'turns.end-message',
    `update messages set content = $2::jsonb, tokens = $3, incomplete_reason = $4,
         status = case when $4::text is null then 'completed' else 'incomplete' end,
         completed_at = case when $4::text is null then unix_now() end,
         incomplete_at = case when $4::text is not null then unix_now() end
       where id = $1 and status = 'in_progress'
       returning ${MESSAGE_COLUMNS}`,
    [id, toJson(content), tokens, reason],
  );
  if (rows[0] === undefined) throw new FencedError(`Message ${id} is no longer open.`);
  return rows[0];
}

/** A step that this attempt has opened. */
export type OpenStep = { stepId: StepId; lastSeq: number };
export type OpenMessage = OpenStep & { messageId: MessageId };

/**
 * Opens a message with the images that lead it and its first text: rows, the four opening events and the first deltas
 * in one transaction. No text yet: ''.
 */
export async function openMessage(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  { images, text }: { images: string[]; text: string },
): Promise<OpenMessage> {
  const now = Math.floor(Date.now() / 1_000);
  const message = newMessage(run, now);
  const step = newStep(run, {
    turn: ref.turn,
    type: 'message_creation',
    messageId: message.id,
    now,
  });
  const events = [
    stepEvent(step, run, 'created'),
    stepEvent(step, run),
    messageEvent(message, 'created'),
    messageEvent(message),
    ...images.map((fileId, index) => imageDelta(message.id, index, fileId)),
    ...(text === '' ? [] : [textDelta(message.id, images.length, text, true)]),
  ];
  return withTransaction(pool, async (tx) => {
    const [first] = await Promise.all([
      appendEvents(tx, run.id, events, ref.owner),
      insertOpenMessage(tx, run, message),
      insertStep(tx, run, step, events.length),
    ]);
    return { stepId: step.id, messageId: message.id, lastSeq: first + events.length - 1 };
  });
}

/** Opens a tool_calls step with the delta that opens its first call. */
export async function openToolStep(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  opening: (stepId: StepId) => RunEvent,
): Promise<OpenStep> {
  const step = newStep(run, {
    turn: ref.turn,
    type: 'tool_calls',
    messageId: null,
    now: Math.floor(Date.now() / 1_000),
  });
  const events = [stepEvent(step, run, 'created'), stepEvent(step, run), opening(step.id)];
  return withTransaction(pool, async (tx) => {
    const [first] = await Promise.all([
      appendEvents(tx, run.id, events, ref.owner),
      insertStep(tx, run, step, events.length),
    ]);
    return { stepId: step.id, lastSeq: first + events.length - 1 };
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

type NewStep = { turn: number; type: RunStepRow['type']; messageId: MessageId | null; now: number };

function newStep(run: RunRow, { turn, type, messageId, now }: NewStep): RunStepRow {
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

/** Its `seq` is that of the first of the `eventCount` events that the same transaction has just appended. */
async function insertStep(
  tx: Tx,
  run: RunRow,
  step: RunStepRow,
  eventCount: number,
): Promise<void> {
  await query(
    tx,
    'turns.insert-step',
    `insert into run_steps (id, run_id, project_id, thread_id, assistant_id, turn, seq, type, status, message_id, created_at)
     select $1, $2, $3, $4, $5, $6, last_event_seq - $7 + 1, $8, 'in_progress', $9, $10 from runs where id = $2`,
    [
      step.id,
      run.id,
      run.project_id,
      run.thread_id,
      run.assistant_id,
      step.turn,
      eventCount,
      step.type,
      step.message_id,
      step.created_at,
    ],
  );
}

/** Completes a message in the middle of a turn, before tool calls. */
export async function completeMessage(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  { messageId, ...answer }: { messageId: MessageId; content: MessageContent[]; tokens: number },
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const linked = await linkFiles(tx, run, messageId, answer.content);
    const [message, step] = await Promise.all([
      endMessage(tx, messageId, { content: linked.content, tokens: answer.tokens, reason: null }),
      endOpenStep(tx, run.id, 'completed'),
    ]);
    const events = [...linked.events, messageEvent(message), stepEvent(step, run)];
    await appendEvents(tx, run.id, events, ref.owner);
  });
}

/** Stores the calls of the run's open step. */
export async function insertToolCalls(tx: Tx, runId: RunId, calls: NewToolCall[]): Promise<void> {
  await query(
    tx,
    'turns.insert-tool-calls',
    `insert into tool_calls (step_id, run_id, index, id, type, name, input, result)
     select s.id, $1, c.index, c.id, c.type, c.name, c.input, c.result::jsonb
     from run_steps s, unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       as c(index, id, type, name, input, result)
     where s.run_id = $1 and s.status = 'in_progress'`,
    [
      runId,
      ...columnsOf(calls, 'index', 'id', 'type', 'name', 'input'),
      calls.map(({ result }) => (result === null ? null : toJson(result))),
    ],
  );
}
