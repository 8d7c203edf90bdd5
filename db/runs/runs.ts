/** Runs as clients see them: create, read, modify, cancel, and the tool outputs they submit. */
import {
  cannotCancel,
  cannotUpdateRun,
  duplicateToolOutputs,
  emptyThread,
  notFound,
  runDoesNotAcceptOutputs,
  threadHasActiveRun,
  toolOutputsMismatch,
} from '../../wire/errors.ts';
import { runEvent, stepEvent, threadCreated } from '../../wire/events.ts';
import { mintId } from '../../wire/ids.ts';
import { toRun } from '../../wire/objects.ts';
import type { AssistantRow, RunRow } from '../../wire/rows.ts';
import { TRANSITIONS } from '../../wire/run-status.ts';
import type { ListEnvelope, Metadata, Run, RunStatus } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { Delivery } from '../core/deliveries.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { NewMessage } from '../threads/messages.ts';
import { insertMessages } from '../threads/messages.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { CONTROL_CHANNEL } from '../events/run-control.ts';
import { appendEvents } from '../events/run-events.ts';
import { completeFunctionStep } from './run-steps.ts';
import { addAttachments } from '../threads/thread-stores.ts';
import type { CreatedThread } from '../threads/threads.ts';
import { lockThread } from '../threads/lock-thread.ts';
import { useExistingStores } from '../vector-stores/vector-stores.ts';

export const RUN_COLUMNS = `id, thread_id, project_id, assistant_id, status, created_at, expires_at, started_at,
  cancelled_at, failed_at, completed_at, required_action, last_error, incomplete_reason, model, instructions, tools,
  tool_resources, metadata, temperature, top_p, reasoning_effort, max_prompt_tokens, max_completion_tokens,
  truncation_strategy, response_format, tool_choice, parallel_tool_calls, prompt_tokens, cached_tokens,
  completion_tokens, reasoning_tokens, window_end_seq, last_event_seq, code_file_ids, vector_store_ids`;

/** A run's settings, after the request's overrides were applied to the assistant's values. */
export type NewRun = Pick<
  RunRow,
  | 'model'
  | 'instructions'
  | 'tools'
  | 'tool_resources'
  | 'metadata'
  | 'temperature'
  | 'top_p'
  | 'reasoning_effort'
  | 'max_prompt_tokens'
  | 'max_completion_tokens'
  | 'truncation_strategy'
  | 'response_format'
  | 'tool_choice'
  | 'parallel_tool_calls'
> & {
  expiresAfterSeconds: number;
  /** Files for code that come with the assistant, or with the request in its place; the thread's are added. */
  codeFileIds: string[];
  /** Stores to search, likewise. */
  vectorStoreIds: string[];
};

/** A committed run and what Temporal must still be told. `beforeSeq`: a stream of the request starts after it. */
export type AcceptedRun = {
  run: Run;
  delivery: Delivery;
  beforeSeq: number;
  /** Of files that came with its messages. */
  ingests?: Delivery[];
};

type RunPath = { projectId: string; threadId: string; runId: string };
type RunOwners = { projectId: string; threadId: string; assistant: AssistantRow };
type FirstRunOwners = Omit<RunOwners, 'threadId'> & { messageCount: number };
/** `windowEndSeq`: the last message that the run reads. */
type RunPlace = RunOwners & { windowEndSeq: number };

/**
 * Adds the messages and the run to an existing thread.
 * @throws ApiError 404; 400 while another run is active, for an expired store, or when there is nothing to answer
 */
export async function createRun(
  tx: Tx,
  { projectId, threadId, assistant }: RunOwners,
  additionalMessages: NewMessage[],
  settings: NewRun,
): Promise<AcceptedRun> {
  const thread = await lockThread(tx, projectId, threadId);
  if (thread.active_run_id !== null) throw threadHasActiveRun(threadId, thread.active_run_id);
  const added = await insertMessages(tx, projectId, threadId, additionalMessages);
  const lastSeq = added.at(-1)?.seq ?? thread.last_message_seq;
  const ingests = await addAttachments(tx, projectId, threadId, additionalMessages);
  const place = { projectId, threadId, assistant, windowEndSeq: lastSeq };
  return { ...(await insertRun(tx, place, settings, [])), ingests };
}

/** The run of a thread created in the same transaction: its stream begins with the thread. */
export async function createFirstRun(
  tx: Tx,
  { projectId, assistant, messageCount }: FirstRunOwners,
  { thread, deliveries: ingests }: CreatedThread,
  settings: NewRun,
): Promise<AcceptedRun> {
  const place = { projectId, threadId: thread.id, assistant, windowEndSeq: messageCount };
  return { ...(await insertRun(tx, place, settings, [threadCreated(thread)])), ingests };
}

async function insertRun(
  tx: Tx,
  place: RunPlace,
  settings: NewRun,
  leadingEvents: ReturnType<typeof threadCreated>[],
): Promise<AcceptedRun> {
  const { projectId, threadId, assistant } = place;
  if (!settings.instructions && !(await hasUserMessage(tx, threadId))) throw emptyThread();
  const run = await insertRow(tx, place, settings);
  if (run.tools.some(({ type }) => type === 'file_search')) {
    await useExistingStores(tx, projectId, run.vector_store_ids);
  }
  const [delivery] = await Promise.all([
    enqueueDelivery(tx, run.id, {
      kind: 'start',
      projectId,
      threadId,
      assistantId: assistant.id,
      model: run.model,
      expiresAtMs: run.expires_at * 1_000,
    }),
    appendEvents(tx, run.id, [...leadingEvents, runEvent(run, 'created'), runEvent(run)]),
  ]);
  return { run: toRun(run), delivery, beforeSeq: 0 };
}

async function insertRow(
  tx: Tx,
  { projectId, threadId, assistant, windowEndSeq }: RunPlace,
  settings: NewRun,
): Promise<RunRow> {
  const rows = await query<RunRow>(
    tx,
    'runs.create',
    `insert into runs (id, thread_id, project_id, assistant_id, status, created_at, expires_at, model, instructions, tools,
       tool_resources, metadata, temperature, top_p, reasoning_effort, max_prompt_tokens, max_completion_tokens,
       truncation_strategy, response_format, tool_choice, parallel_tool_calls, window_end_seq, code_file_ids, vector_store_ids)
     select $1, $2, $3, $4, 'queued', moment, moment + $5, $6, $7, $8::jsonb, $9::jsonb, $10::jsonb, $11, $12,
       $13, $14, $15, $16::jsonb, $17::jsonb, $18::jsonb, $19, $20,
       array(select id from (select $21::text[] || array(select jsonb_array_elements_text(tool_resources #> '{code_interpreter,file_ids}')
           from threads where id = $2) as ids) given, unnest(ids) with ordinality as f(id, place)
         group by id order by min(place)),
       array(select id from (select $22::text[] || array(select jsonb_array_elements_text(tool_resources #> '{file_search,vector_store_ids}')
           from threads where id = $2) as ids) given, unnest(ids) with ordinality as f(id, place)
         group by id order by min(place))
     from unix_now() as moment returning ${RUN_COLUMNS}`,
    [
      mintId('run'),
      threadId,
      projectId,
      assistant.id,
      settings.expiresAfterSeconds,
      settings.model,
      settings.instructions,
      toJson(settings.tools),
      toJson(settings.tool_resources),
      toJson(settings.metadata),
      settings.temperature,
      settings.top_p,
      settings.reasoning_effort,
      settings.max_prompt_tokens,
      settings.max_completion_tokens,
      toJson(settings.truncation_strategy),
      toJson(settings.response_format),
      toJson(settings.tool_choice),
      settings.parallel_tool_calls,
      windowEndSeq,
      settings.codeFileIds,
      settings.vectorStoreIds,
    ],
  );
  return rows[0]!;
}

async function hasUserMessage(tx: Tx, threadId: string): Promise<boolean> {
  const rows = await query<{ found: boolean }>(
    tx,
    'runs.has-user-message',
    `select exists (select from messages where thread_id = $1 and role = 'user') as found`,
    [threadId],
  );
  return rows[0]!.found;
}

/** @throws ApiError 404 */
export async function getRun(
  db: Queryable,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<Run> {
  return toRun(await getRunRow(db, projectId, threadId, runId));
}

/** @throws ApiError 404 */
export async function getRunRow(
  db: Queryable,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<RunRow> {
  const rows = await query<RunRow>(
    db,
    'runs.get',
    `select ${RUN_COLUMNS} from runs where id = $1 and thread_id = $2 and project_id = $3`,
    [runId, threadId, projectId],
  );
  if (rows[0] === undefined) throw notFound('run', runId);
  return rows[0];
}

/** Whether the run's deadline has passed by the database's clock: that of a process may be wrong. */
export async function isOverdue(db: Queryable, runId: string, seconds: number): Promise<boolean> {
  const text = 'select 1 from runs where id = $1 and expires_at + $2::integer < unix_now()';
  return (await query(db, 'runs.overdue', text, [runId, seconds])).length > 0;
}

/** False once the run was deleted with its thread. */
export async function runExists(db: Queryable, runId: string): Promise<boolean> {
  return (await query(db, 'runs.exists', 'select 1 from runs where id = $1', [runId])).length > 0;
}

export async function listRuns(
  db: Queryable,
  projectId: string,
  threadId: string,
  page: ListQuery,
): Promise<ListEnvelope<Run>> {
  const source = {
    name: 'runs.list',
    columns: RUN_COLUMNS,
    table: 'runs',
    scope: 'thread_id = $1 and project_id = $2',
    scopeValues: [threadId, projectId],
    orderBy: 'id',
  } as const;
  return listPage(db, source, page, toRun);
}

/** Replaces the metadata map. @throws ApiError 404; 400 while the run is in progress */
export async function modifyRun(
  tx: Tx,
  { projectId, threadId, runId }: RunPath,
  metadata: Metadata | undefined,
): Promise<Run> {
  const run = await lockRun(tx, projectId, threadId, runId);
  if (run.status === 'in_progress') throw cannotUpdateRun(run.status);
  const rows = await query<RunRow>(
    tx,
    'runs.modify',
    `update runs set metadata = coalesce($2::jsonb, metadata) where id = $1 returning ${RUN_COLUMNS}`,
    [runId, metadata === undefined ? null : toJson(metadata)],
  );
  return toRun(rows[0]!);
}

async function lockRun(
  tx: Tx,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<RunRow> {
  const rows = await query<RunRow>(
    tx,
    'runs.lock',
    `select ${RUN_COLUMNS} from runs where id = $1 and thread_id = $2 and project_id = $3 for update`,
    [runId, threadId, projectId],
  );
  if (rows[0] === undefined) throw notFound('run', runId);
  return rows[0];
}

/**
 * Marks the run for cancellation, and wakes the worker that may be streaming it. The events of the cancellation are
 * written by whoever ends the run.
 * @throws ApiError 404; 400 when the run is ending or has ended
 */
export async function cancelRun(
  tx: Tx,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<{ run: Run; delivery: Delivery }> {
  const rows = await query<RunRow>(
    tx,
    'runs.cancel',
    `update runs set status = 'cancelling', updated_at = clock_timestamp()
     where id = $1 and thread_id = $2 and project_id = $3 and status = any($4::text[])
     returning ${RUN_COLUMNS}, pg_notify('${CONTROL_CHANNEL}', $1)`,
    [runId, threadId, projectId, TRANSITIONS.cancelling],
  );
  const run = rows[0];
  if (run === undefined) {
    throw cannotCancel((await getRunRow(tx, projectId, threadId, runId)).status);
  }
  return { run: toRun(run), delivery: await enqueueDelivery(tx, runId, { kind: 'cancel' }) };
}

export type ToolOutput = { tool_call_id: string; output: string };

/**
 * Stores the outputs of every pending function call and queues the run again.
 * @throws ApiError 404; 400 in the wrong status or when the ids are not exactly the pending ones, each once
 */
export async function submitToolOutputs(
  tx: Tx,
  { projectId, threadId, runId }: RunPath,
  outputs: ToolOutput[],
): Promise<AcceptedRun> {
  const locked = await lockRun(tx, projectId, threadId, runId);
  if (locked.status !== 'requires_action') throw runDoesNotAcceptOutputs(locked.status);
  const expected =
    locked.required_action?.submit_tool_outputs.tool_calls.map((call) => call.id) ?? [];
  const given = outputs.map((output) => output.tool_call_id);
  if (new Set(given).size < given.length) throw duplicateToolOutputs(given);
  if (!sameIds(expected, given)) throw toolOutputsMismatch(expected, given);
  const step = await completeFunctionStep(tx, runId, outputs);
  const rows = await query<RunRow & { expired: boolean }>(
    tx,
    'runs.resume',
    `update runs set status = 'queued', required_action = null
     where id = $1 and status = any($2::text[]) and expires_at > unix_now() returning ${RUN_COLUMNS}`,
    [runId, TRANSITIONS.queued],
  );
  const run = rows[0];
  // Past its deadline: the workflow's timer is about to say so.
  if (run === undefined) throw runDoesNotAcceptOutputs('expired' satisfies RunStatus);
  const first = await appendEvents(tx, runId, [stepEvent(step, run), runEvent(run)]);
  const delivery = await enqueueDelivery(tx, runId, { kind: 'signal', submission: step.id });
  return { run: toRun(run), delivery, beforeSeq: first - 1 };
}

function sameIds(expected: string[], given: string[]): boolean {
  return expected.length === given.length && expected.every((id) => given.includes(id));
}
