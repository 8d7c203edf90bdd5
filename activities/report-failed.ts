/** One line in the log for a run that failed: its client sees the reason, and its operator must not have to ask for it. */
import { ofRun } from '../db/projects/project-of.ts';
import { readFailure } from '../db/runs/read-runs.ts';
import type { RunId } from '../wire/ids.ts';
import type { RunEnd } from '../wire/run-status.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Returns the result. The reason is the client's, which has no key, no prompt and no address. */
export async function reportFailed<Result extends { kind: string } | RunEnd>(
  { pool, models, log }: Pick<ActivityDependencies, 'pool' | 'models' | 'log'>,
  runId: RunId,
  result: Result,
): Promise<Result> {
  if (!('status' in result) || result.status !== 'failed') return result;
  const run = await ofRun(pool, runId, () => readFailure(pool, runId)).catch(() => undefined);
  if (run === undefined) return result;
  const { project_id, model, last_error: error } = run;
  const baseUrl = models.resolve(model)?.target.baseUrl;
  const server = baseUrl === undefined ? undefined : new URL(baseUrl).host;
  const fields = { project_id, run_id: runId, model, server };
  log.warn({ ...fields, code: error?.code, reason: error?.message }, 'A run failed');
  return result;
}
