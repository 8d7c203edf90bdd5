/** Run steps with their tool calls. A step's tool calls are rows of their own, so that parallel calls end independently. */
import type { ProjectId, RunId, StepId } from '../../wire/ids.ts';
import { toRunStep } from '../../wire/objects.ts';
import type { RunRow, RunStepRow, UpstreamTurn } from '../../wire/rows.ts';
import type { ListEnvelope, RunStep } from '../../wire/types.ts';
import { readById } from '../core/read-by-id.ts';
import { toJson } from '../core/json.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { RunPath } from './read-runs.ts';

export const STEP_COLUMNS = `id, run_id, thread_id, assistant_id, turn, seq, type, status, message_id, created_at,
  completed_at, failed_at, cancelled_at, expired_at, last_error, usage,
  coalesce((select jsonb_agg(jsonb_build_object('step_id', c.step_id, 'index', c.index, 'id', c.id, 'type', c.type,
     'name', c.name, 'input', c.input, 'result', c.result, 'streamed', c.streamed) order by c.index)
   from tool_calls c where c.step_id = run_steps.id), '[]') as tool_calls`;

/** A step with what it shows of its run: of the tools, which can have a megabyte, file_search. */
type StepOfRun = RunStepRow & { run: Pick<RunRow, 'expires_at' | 'tools'> };
const WITH_RUN = `${STEP_COLUMNS}, (select jsonb_build_object('expires_at', r.expires_at,
     'tools', jsonb_path_query_array(r.tools, '$[*] ? (@.type == "file_search")'))
   from runs r where r.id = run_steps.run_id) as run`;

export async function listRunSteps(
  db: Queryable,
  projectId: ProjectId,
  runId: RunId,
  page: ListQuery,
): Promise<ListEnvelope<RunStep>> {
  const source = {
    name: 'run-steps.list',
    columns: WITH_RUN,
    table: 'run_steps',
    scope: { run_id: runId, project_id: projectId },
    orderBy: 'seq',
  } as const;
  return listPage<StepOfRun, RunStep>(db, source, page, (row) => toRunStep(row, row.run));
}

/** @throws ApiError 404 */
export async function getRunStep(
  db: Queryable,
  { projectId, threadId, runId }: RunPath,
  stepId: StepId,
): Promise<RunStep> {
  const ids = { id: stepId, run_id: runId, thread_id: threadId, project_id: projectId };
  const select = `select ${WITH_RUN} from run_steps`;
  const step = await readById<StepOfRun>(db, 'run step', select, ids);
  return toRunStep(step, step.run);
}

/** A step with the fields that its model server wants back. */
export type TurnStep = RunStepRow & { upstream: UpstreamTurn | null };

/** Every step of a run, oldest first: the model reads them as the run so far. */
export async function readRunSteps(db: Queryable, runId: RunId): Promise<TurnStep[]> {
  return query<TurnStep>(
    db,
    'run-steps.of-run',
    `select ${STEP_COLUMNS}, upstream from run_steps where run_id = $1 order by seq`,
    [runId],
  );
}

/** Stores the outputs of the open step's function calls and completes it. The caller has checked the ids. */
export async function completeFunctionStep(
  tx: Tx,
  runId: RunId,
  outputs: { tool_call_id: string; output: string }[],
): Promise<RunStepRow> {
  await query(
    tx,
    'tool-calls.outputs',
    `update tool_calls c set result = jsonb_build_object('output', o.output)
     from unnest($2::text[], $3::text[]) as o(id, output) where c.run_id = $1 and c.id = o.id`,
    [runId, outputs.map((output) => output.tool_call_id), outputs.map((output) => output.output)],
  );
  return endOpenStep(tx, runId, 'completed');
}

/** Ends the one open step of a run. @throws Error when none is open, which would be a bug */
export async function endOpenStep(
  tx: Tx,
  runId: RunId,
  status: 'completed' | 'failed' | 'cancelled' | 'expired',
  lastError: RunStepRow['last_error'] = null,
): Promise<RunStepRow> {
  const row = await endOpenStepIfAny(tx, runId, status, lastError);
  if (row === undefined) throw new Error(`Run ${runId} has no open step.`);
  return row;
}

export async function endOpenStepIfAny(
  tx: Tx,
  runId: RunId,
  status: 'completed' | 'failed' | 'cancelled' | 'expired',
  lastError: RunStepRow['last_error'] = null,
): Promise<RunStepRow | undefined> {
  const rows = await query<RunStepRow>(
    tx,
    'run-steps.end',
    `update run_steps set status = $2, last_error = $3::jsonb,
       completed_at = case when $2 = 'completed' then unix_now() end,
       failed_at = case when $2 = 'failed' then unix_now() end,
       cancelled_at = case when $2 = 'cancelled' then unix_now() end,
       expired_at = case when $2 = 'expired' then unix_now() end
     where run_id = $1 and status = 'in_progress' returning ${STEP_COLUMNS}`,
    [runId, status, lastError === null ? null : toJson(lastError)],
  );
  return rows[0];
}
