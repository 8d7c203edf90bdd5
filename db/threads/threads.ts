import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toThread } from '../../wire/objects.ts';
import type { ThreadRow } from '../../wire/rows.ts';
import type { NewToolResources } from '../../wire/requests/tools.ts';
import { defaultToolResources } from '../../wire/requests/tools.ts';
import type { ListEnvelope, Metadata, Thread, ToolResources } from '../../wire/types.ts';
import { releaseBlobs } from '../blobs/blobs.ts';
import { toJson } from '../core/json.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { listPage } from '../core/list-page.ts';
import type { ProjectListQuery } from '../core/project-list.ts';
import { projectList } from '../core/project-list.ts';
import { found, readById } from '../core/read-by-id.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { lockRun } from '../runs/read-runs.ts';
import { lockBehindActiveRun, THREAD_COLUMNS } from './lock-thread.ts';
import type { NewMessage } from './messages.ts';
import { insertMessages } from './messages.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { deleteEvents, eraseLater } from '../events/erase-events.ts';
import { DELETED_CHANNEL } from '../events/run-events.ts';
import { addAttachments, createHelperStores, THREAD_STORE_DAYS } from './thread-stores.ts';

export type NewThread = {
  messages: NewMessage[];
  metadata: Metadata;
  /** As given: the `vector_stores` helper becomes a store. */
  tool_resources: NewToolResources;
};

/** A thread, and the ingests of the files that came with it. */
export type CreatedThread = { thread: ThreadRow; deliveries: Delivery[] };

/** Creates the thread with its first messages and their files' store, all or nothing. */
export async function createThread(
  tx: Tx,
  projectId: ProjectId,
  fields: NewThread,
): Promise<CreatedThread> {
  const helped = await createHelperStores(tx, projectId, fields.tool_resources, THREAD_STORE_DAYS);
  const rows = await query<ThreadRow>(
    tx,
    'threads.create',
    `insert into threads (id, project_id, created_at, metadata, tool_resources)
     values ($1, $2, unix_now(), $3::jsonb, $4::jsonb) returning ${THREAD_COLUMNS}`,
    [
      mintId('thread'),
      projectId,
      toJson(fields.metadata),
      toJson(defaultToolResources([], helped.resources)),
    ],
  );
  const thread = rows[0]!;
  await insertMessages(tx, projectId, thread.id, fields.messages);
  const added = await addAttachments(tx, projectId, thread.id, fields.messages);
  const deliveries = [...helped.deliveries, ...added];
  return {
    thread: added.length === 0 ? thread : await getThreadRow(tx, projectId, thread.id),
    deliveries,
  };
}

/** @throws ApiError 404 */
export async function getThread(
  db: Queryable,
  projectId: ProjectId,
  id: ThreadId,
): Promise<Thread> {
  return toThread(await getThreadRow(db, projectId, id));
}

/** All threads of the project. */
export async function listThreads(
  db: Queryable,
  project: ProjectId,
  page: ProjectListQuery,
): Promise<ListEnvelope<Thread>> {
  const listed = { table: 'threads', kind: 'thread', columns: THREAD_COLUMNS, project } as const;
  return listPage(db, projectList(listed, page), page, toThread);
}

async function getThreadRow(db: Queryable, projectId: ProjectId, id: ThreadId): Promise<ThreadRow> {
  const select = `select ${THREAD_COLUMNS} from threads`;
  return readById(db, 'thread', select, { id, project_id: projectId });
}

/** Absent fields stay as they are; `tool_resources` replaces those of the tools it names. @throws ApiError 404 */
export async function modifyThread(
  db: Queryable,
  projectId: ProjectId,
  id: ThreadId,
  change: { metadata?: Metadata | undefined; tool_resources?: ToolResources | undefined },
): Promise<Thread> {
  const rows = await query<ThreadRow>(
    db,
    'threads.modify',
    `update threads set metadata = coalesce($3::jsonb, metadata), tool_resources = tool_resources || coalesce($4::jsonb, '{}')
     where id = $1 and project_id = $2 returning ${THREAD_COLUMNS}`,
    [id, projectId, toJsonIfGiven(change.metadata), toJsonIfGiven(change.tool_resources)],
  );
  return toThread(found(rows[0], 'thread', id));
}

type Belongings = { runs: RunId[]; active: RunId[]; blobs: number[] };

/** What no cascade deletes: events of these runs, and the content of its Python's files and variables. */
async function readBelongings(tx: Tx, id: ThreadId): Promise<Belongings> {
  const rows = await query<Omit<Belongings, 'blobs'> & { blobs: string[] }>(
    tx,
    'threads.belongings',
    `select array(select id from runs where thread_id = $1) as runs,
       array(select id from runs where thread_id = $1
         and status in ('queued', 'in_progress', 'requires_action', 'cancelling')) as active,
       array(select namespace_blob_id from interpreters where thread_id = $1 and namespace_blob_id is not null
         union select blob_id from interpreter_files where thread_id = $1) as blobs`,
    [id],
  );
  const { blobs, ...runs } = rows[0]!;
  return { ...runs, blobs: blobs.map(Number) };
}

/**
 * Deletes the thread with its messages, runs and steps. An active run loses its rows, so its workflow is cancelled too.
 * @throws ApiError 404
 */
export async function deleteThread(
  tx: Tx,
  projectId: ProjectId,
  id: ThreadId,
): Promise<Delivery | null> {
  const locked = await lockBehindActiveRun(tx, projectId, id);
  const runId = locked.active_run_id;
  if (runId !== null) await lockRun(tx, { runId });
  const { runs, active, blobs } = await readBelongings(tx, id);
  await eraseLater(tx, runs, null);
  await query(tx, 'threads.delete', 'delete from threads where id = $1', [id]);
  await deleteEvents(tx, runs);
  await forgetAnswers(tx, id);
  await releaseBlobs(tx, blobs);
  if (runId === null) return null;
  const notify = 'select pg_notify($1, id) from unnest($2::text[]) id';
  await query(tx, 'threads.notify-deleted', notify, [DELETED_CHANNEL, active]);
  return enqueueDelivery(tx, runId, { kind: 'cancel' });
}

function toJsonIfGiven(value: unknown): string | null {
  return value === undefined ? null : toJson(value);
}
