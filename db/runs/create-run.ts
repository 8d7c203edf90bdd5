/** A new run on a thread, alone or together with its thread. */
import { emptyThread, threadHasActiveRun } from '../../wire/errors/errors.ts';
import { runEvent, threadCreated } from '../../wire/events.ts';
import type { BatchId, KeyId, ProjectId, ThreadId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toRun } from '../../wire/objects.ts';
import type { OnActiveRun } from '../../wire/requests/runs.ts';
import type { AssistantRow, RunRow } from '../../wire/rows.ts';
import type { Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import type { LockedThread } from '../threads/lock-thread.ts';
import { lockBehindActiveRun, lockThread, readActiveRun } from '../threads/lock-thread.ts';
import type { NewMessage } from '../threads/messages.ts';
import { insertMessages } from '../threads/messages.ts';
import { addAttachments } from '../threads/thread-stores.ts';
import type { CreatedThread } from '../threads/threads.ts';
import { useExistingStores } from '../vector-stores/vector-stores.ts';
import { cancelRun } from './cancel-run.ts';
import { getRunRow, lockRun, RUN_COLUMNS } from './read-runs.ts';

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

/** A run and what Temporal is to be told, in order. `beforeSeq`: a stream of the request starts after this event. */
export type AcceptedRun = { run: Run; deliveries: Delivery[]; beforeSeq: number };

/** `priority`: of Temporal, from 1 to 5. */
export type BatchOfRun = { id: BatchId; priority: number };

type RunOwners = {
  projectId: ProjectId;
  /** Of the request. */
  keyId: KeyId;
  threadId: ThreadId;
  assistant: AssistantRow;
  batch?: BatchOfRun | undefined;
};
type FirstRunOwners = Omit<RunOwners, 'threadId'> & { messageCount: number };
/** `windowEndSeq`: the last message that the run reads. `awaiting`: the messages of a run that has to wait for its thread. */
type RunOrigin = RunOwners & { windowEndSeq: number; awaiting?: NewMessage[] };

/**
 * Adds the messages and the run to an existing thread. A run that has to wait adds its messages when it starts.
 * @throws ApiError 404; 400 while another run is active, for an expired store, or when there is nothing to answer
 */
export async function createRun(
  tx: Tx,
  owners: RunOwners,
  { messages: additionalMessages, onActiveRun }: RunPlace,
  settings: NewRun,
): Promise<AcceptedRun> {
  const { projectId, threadId } = owners;
  const lock = onActiveRun === 'reject' ? lockThread : lockBehindActiveRun;
  const thread = await lock(tx, projectId, threadId);
  const cancels = await makeWay(tx, { projectId, thread, threadId, onActiveRun });
  if (cancels !== undefined) {
    const origin = { ...owners, windowEndSeq: 0, awaiting: additionalMessages };
    const accepted = await insertRun(tx, origin, settings, []);
    return { ...accepted, deliveries: cancels };
  }
  const added = await insertMessages(tx, projectId, threadId, additionalMessages);
  const lastSeq = added.at(-1)?.seq ?? thread.last_message_seq;
  const ingests = await addAttachments(tx, projectId, threadId, additionalMessages);
  const accepted = await insertRun(tx, { ...owners, windowEndSeq: lastSeq }, settings, []);
  return { ...accepted, deliveries: [...ingests, ...accepted.deliveries] };
}

/** `messages`: added to the thread ahead of the run. */
type RunPlace = { messages: NewMessage[]; onActiveRun: OnActiveRun };

type Asked = {
  projectId: ProjectId;
  threadId: ThreadId;
  thread: LockedThread;
  onActiveRun: OnActiveRun;
};

/**
 * Undefined: the thread is free. Otherwise the run waits, and these deliveries cancel the active one. Its row is locked: it has
 * ended before, or its end sees the run that waits.
 * @throws ApiError 400 when the run must not wait
 */
async function makeWay(
  tx: Tx,
  { projectId, threadId, thread, onActiveRun }: Asked,
): Promise<Delivery[] | undefined> {
  if (thread.active_run_id === null) return undefined;
  if (onActiveRun === 'reject') throw threadHasActiveRun(threadId, thread.active_run_id);
  await lockRun(tx, { runId: thread.active_run_id });
  const active = await readActiveRun(tx, threadId);
  if (active === undefined) return undefined;
  if (onActiveRun === 'queue' || active.waiting) return [];
  const path = { projectId, threadId, runId: active.id };
  const { status } = await getRunRow(tx, path);
  return status === 'cancelling' ? [] : (await cancelRun(tx, path)).deliveries;
}

/** The run of a thread created in the same transaction: its stream begins with the thread. */
export async function createFirstRun(
  tx: Tx,
  { messageCount, ...owners }: FirstRunOwners,
  { thread, deliveries: ingests }: CreatedThread,
  settings: NewRun,
): Promise<AcceptedRun> {
  const origin = { ...owners, threadId: thread.id, windowEndSeq: messageCount };
  const accepted = await insertRun(tx, origin, settings, [threadCreated(thread)]);
  return { ...accepted, deliveries: [...ingests, ...accepted.deliveries] };
}

async function insertRun(
  tx: Tx,
  origin: RunOrigin,
  settings: NewRun,
  leadingEvents: ReturnType<typeof threadCreated>[],
): Promise<AcceptedRun> {
  const { projectId, threadId, batch, awaiting } = origin;
  const hasMessage = awaiting?.some(({ role }) => role === 'user') ?? false;
  if (!settings.instructions && !hasMessage && !(await hasUserMessage(tx, threadId))) {
    throw emptyThread();
  }
  const run = await insertRow(tx, origin, settings);
  if (run.tools.some(({ type }) => type === 'file_search')) {
    await useExistingStores(tx, projectId, run.vector_store_ids);
  }
  const [start] = await Promise.all([
    awaiting === undefined ? enqueueStart(tx, run, batch) : null,
    appendEvents(tx, run.id, [...leadingEvents, runEvent(run, 'created'), runEvent(run)]),
  ]);
  return { run: toRun(run), deliveries: start === null ? [] : [start], beforeSeq: 0 };
}

export async function enqueueStart(tx: Tx, run: RunRow, batch?: BatchOfRun): Promise<Delivery> {
  return enqueueDelivery(tx, run.id, {
    kind: 'start',
    projectId: run.project_id,
    threadId: run.thread_id,
    assistantId: run.assistant_id,
    model: run.model,
    expiresAtMs: run.expires_at * 1_000,
    ...(batch === undefined ? {} : { batch }),
  });
}

async function insertRow(
  tx: Tx,
  { projectId, keyId, threadId, assistant, batch, windowEndSeq, awaiting }: RunOrigin,
  settings: NewRun,
): Promise<RunRow> {
  const rows = await query<RunRow>(
    tx,
    'runs.create',
    `with counted as (insert into usage_changes (project_id, key_id, runs) values ($3, $23, 1))
     insert into runs (id, thread_id, project_id, assistant_id, status, created_at, expires_at, model, instructions, tools,
       tool_resources, metadata, temperature, top_p, reasoning_effort, max_prompt_tokens, max_completion_tokens,
       truncation_strategy, response_format, tool_choice, parallel_tool_calls, window_end_seq, code_file_ids, vector_store_ids, key_id, batch_id,
       waiting, additional_messages)
     select $1, $2, $3, $4, 'queued', moment, moment + $5, $6, $7, $8::jsonb, $9::jsonb, $10::jsonb, $11, $12,
       $13, $14, $15, $16::jsonb, $17::jsonb, $18::jsonb, $19, $20,
       array(select id from (select $21::text[] || array(select jsonb_array_elements_text(tool_resources #> '{code_interpreter,file_ids}')
           from threads where id = $2) as ids) given, unnest(ids) with ordinality as f(id, place)
         group by id order by min(place)),
       array(select id from (select $22::text[] || array(select jsonb_array_elements_text(tool_resources #> '{file_search,vector_store_ids}')
           from threads where id = $2) as ids) given, unnest(ids) with ordinality as f(id, place)
         group by id order by min(place)), $23, $24, $25::jsonb is not null, $25::jsonb
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
      keyId,
      batch?.id ?? null,
      awaiting === undefined ? null : toJson(awaiting),
    ],
  );
  return rows[0]!;
}

async function hasUserMessage(tx: Tx, threadId: ThreadId): Promise<boolean> {
  const rows = await query<{ found: boolean }>(
    tx,
    'runs.has-user-message',
    `select exists (select from messages where thread_id = $1 and role = 'user') as found`,
    [threadId],
  );
  return rows[0]!.found;
}
