/** The metadata of a run. */
import { cannotUpdateRun } from '../../wire/errors/errors.ts';
import { toRun } from '../../wire/objects.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { Metadata, Run } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import { found } from '../core/read-by-id.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { RunPath } from './read-runs.ts';
import { lockRun, RUN_COLUMNS } from './read-runs.ts';

/** Replaces the metadata map. @throws ApiError 404; 400 while the run is in progress */
export async function modifyRun(
  tx: Tx,
  path: RunPath,
  metadata: Metadata | undefined,
): Promise<Run> {
  const run = found(await lockRun(tx, path), 'run', path.runId);
  if (run.status === 'in_progress') throw cannotUpdateRun(run.status);
  const rows = await query<RunRow>(
    tx,
    'runs.modify',
    `update runs set metadata = coalesce($2::jsonb, metadata) where id = $1 returning ${RUN_COLUMNS}`,
    [run.id, metadata === undefined ? null : toJson(metadata)],
  );
  return toRun(rows[0]!);
}
