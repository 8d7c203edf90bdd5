/** Runs as they are stored, one and listed, and their rows for those that change them. */
import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { toRun } from '../../wire/objects.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { ListEnvelope, Run, RunStatus } from '../../wire/types.ts';
import { readById } from '../core/read-by-id.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { ProjectListQuery } from '../core/project-list.ts';
import { projectList } from '../core/project-list.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export const RUN_COLUMNS = `id, thread_id, project_id, assistant_id, status, created_at, expires_at, started_at,
  cancelled_at, failed_at, completed_at, required_action, last_error, incomplete_reason, model, instructions, tools,
  tool_resources, metadata, temperature, top_p, reasoning_effort, max_prompt_tokens, max_completion_tokens,
  truncation_strategy, response_format, tool_choice, parallel_tool_calls, prompt_tokens, cached_tokens,
  completion_tokens, reasoning_tokens, window_end_seq, last_event_seq, code_file_ids, vector_store_ids, batch_id, waiting`;

/** Where a run is. */
export type RunPath = { projectId: ProjectId; threadId: ThreadId; runId: RunId };
type RunKey = RunPath | { projectId?: never; threadId?: never; runId: RunId };

/** @throws ApiError 404 */
export async function getRun(db: Queryable, path: RunPath): Promise<Run> {
  return toRun(await getRunRow(db, path));
}

/** @throws ApiError 404 */
export async function getRunRow(
  db: Queryable,
  { projectId, threadId, runId }: RunPath,
): Promise<RunRow> {
  const ids = { id: runId, thread_id: threadId, project_id: projectId };
  return readById(db, 'run', `select ${RUN_COLUMNS} from runs`, ids);
}

/** Whether the run's deadline has passed by the database's clock: that of a process may be wrong. */
export async function isOverdue(db: Queryable, runId: RunId, seconds: number): Promise<boolean> {
  const text = 'select 1 from runs where id = $1 and expires_at + $2::integer < unix_now()';
  return (await query(db, 'runs.overdue', text, [runId, seconds])).length > 0;
}

/** False once the run was deleted with its thread. */
export async function runExists(db: Queryable, runId: RunId): Promise<boolean> {
  return (await query(db, 'runs.exists', 'select 1 from runs where id = $1', [runId])).length > 0;
}

type Failure = Pick<RunRow, 'project_id' | 'model' | 'last_error'>;

export async function readFailure(db: Queryable, runId: RunId): Promise<Failure | undefined> {
  const text = 'select project_id, model, last_error from runs where id = $1';
  return (await query<Failure>(db, 'runs.failure', text, [runId]))[0];
}

export async function listRuns(
  db: Queryable,
  projectId: ProjectId,
  threadId: ThreadId,
  page: ListQuery,
): Promise<ListEnvelope<Run>> {
  const source = {
    name: 'runs.list',
    columns: RUN_COLUMNS,
    table: 'runs',
    scope: { thread_id: threadId, project_id: projectId },
    orderBy: 'id',
    places: { list: 'runs', owner: '$1' },
  } as const;
  return listPage(db, source, page, toRun);
}

export type RunFilter = {
  status?: RunStatus | undefined;
  assistant_id?: string | undefined;
  thread_id?: string | undefined;
  model?: string | undefined;
  batch_id?: string | undefined;
};

/** The runs of all threads of the project. */
export async function listProjectRuns(
  db: Queryable,
  project: ProjectId,
  page: ProjectListQuery & RunFilter,
): Promise<ListEnvelope<Run>> {
  const { status, assistant_id, thread_id, model, batch_id } = page;
  const listed = { table: 'runs', kind: 'run', columns: RUN_COLUMNS, project } as const;
  const asked = { status, assistant_id, thread_id, model, batch_id };
  return listPage(db, projectList(listed, page, asked), page, toRun);
}

/** Locks a run until the transaction ends. A request names its path; the run's own workflow knows only its id. */
export async function lockRun(
  tx: Tx,
  { projectId, threadId, runId }: RunKey,
): Promise<RunRow | undefined> {
  const rows = await query<RunRow>(
    tx,
    'runs.lock',
    `select ${RUN_COLUMNS} from runs where id = $1 and thread_id = coalesce($2, thread_id)
       and project_id = coalesce($3, project_id) for update`,
    [runId, threadId, projectId],
  );
  return rows[0];
}
