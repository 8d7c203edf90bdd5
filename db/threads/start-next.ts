/** Runs that wait for their thread: each starts once all runs before it have ended, in the order in which they were accepted. */
import { ApiError } from '../../wire/errors/errors.ts';
import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { Delivery } from '../core/deliveries.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { lockThread } from './lock-thread.ts';
import type { NewMessage } from './messages.ts';
import { insertMessages } from './messages.ts';
import { addAttachments } from './thread-stores.ts';
import { useExistingStores } from '../vector-stores/vector-stores.ts';
import { enqueueStart } from '../runs/create-run.ts';
import { finalize } from '../runs/finalize.ts';
import { lockRun, RUN_COLUMNS } from '../runs/read-runs.ts';

type Place = { projectId: ProjectId; threadId: ThreadId };

/** Starts the next run of the thread, unless one is active. Returns what Temporal is to be told. */
export async function startNextRun(pool: Pool, place: Place): Promise<Delivery[]> {
  return withTransaction(pool, async (tx) => {
    const runId = await lockNext(tx, place);
    if (runId === undefined) return [];
    await tx.query('savepoint next');
    try {
      return await start(tx, place, runId);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A file or store that it names has gone meanwhile.
      await tx.query('rollback to savepoint next');
      const failure = { code: 'server_error', message: error.message } as const;
      await finalize(tx, runId, { status: 'failed', error: failure });
      await awaitNext(tx, place.threadId);
      return [];
    }
  });
}

/** A run that is cancelled or expires at the same moment is passed over. */
async function lockNext(tx: Tx, { projectId, threadId }: Place): Promise<RunId | undefined> {
  for (;;) {
    const thread = await lockThread(tx, projectId, threadId).catch((error: unknown) => {
      if (error instanceof ApiError) return undefined;
      throw error;
    });
    if (!thread?.active_run_id || !thread.is_active_waiting) return undefined;
    const run = await lockRun(tx, { runId: thread.active_run_id });
    if (run?.status === 'queued') return run.id;
  }
}

async function start(tx: Tx, { projectId, threadId }: Place, runId: RunId): Promise<Delivery[]> {
  const waiting = await query<{ messages: NewMessage[] }>(
    tx,
    'start-next.messages',
    'select additional_messages as messages from runs where id = $1',
    [runId],
  );
  const { messages } = waiting[0]!;
  await insertMessages(tx, projectId, threadId, messages);
  const ingests = await addAttachments(tx, projectId, threadId, messages);
  const rows = await query<RunRow>(
    tx,
    'start-next.run',
    `update runs r set waiting = false, additional_messages = null, updated_at = clock_timestamp(), window_end_seq = t.last_seq,
       code_file_ids = code_file_ids || array(select id from jsonb_array_elements_text(t.resources #> '{code_interpreter,file_ids}') id
         where id <> all(code_file_ids)),
       vector_store_ids = vector_store_ids || array(select id from jsonb_array_elements_text(t.resources #> '{file_search,vector_store_ids}') id
         where id <> all(vector_store_ids))
     from (select last_message_seq as last_seq, tool_resources as resources from threads where id = $2) t where r.id = $1 returning ${RUN_COLUMNS}`,
    [runId, threadId],
  );
  const run = rows[0]!;
  if (run.tools.some(({ type }) => type === 'file_search')) {
    await useExistingStores(tx, projectId, run.vector_store_ids);
  }
  return [...ingests, await enqueueStart(tx, run)];
}

const NEXT = `insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
  select distinct project_id, thread_id, 'next',
    jsonb_build_object('kind', 'next', 'projectId', project_id, 'threadId', thread_id), clock_timestamp()
  from runs w where waiting and status = 'queued'`;

/** A run that fails before it starts does not free its thread: it did not have it. */
async function awaitNext(tx: Tx, threadId: ThreadId): Promise<void> {
  await query(tx, 'start-next.await', `${NEXT} and thread_id = $1`, [threadId]);
}

/** Of threads whose runs wait for nothing: a worker of an earlier version does not know how to start them. */
export async function startStalledRuns(db: Queryable): Promise<void> {
  await query(
    db,
    'start-next.stalled',
    `${NEXT} and updated_at < clock_timestamp() - interval '5 seconds'
       and not exists (select from deliveries d where d.run_id = w.thread_id)
       and not exists (select from runs a where a.thread_id = w.thread_id and not a.waiting
         and a.status in ('queued', 'in_progress', 'requires_action', 'cancelling'))`,
  );
}
