import type { RunPath } from '../../../db/runs/read-runs.ts';
import type { Call } from '../../operation.ts';

type OfRun = Call<'/threads/{thread_id}/runs/{run_id}', unknown, unknown>;

/** The run that a request names. */
export function runPath({ project, ids }: Pick<OfRun, 'project' | 'ids'>): RunPath {
  return { projectId: project, threadId: ids.thread_id, runId: ids.run_id };
}
