import type { MessageRow, RunRow, RunStepRow } from '../../wire/rows.ts';
import { MESSAGE_COLUMNS } from '../threads/messages.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { readRunSteps } from './run-steps.ts';
import type { RunPath } from './read-runs.ts';
import { getRunRow } from './read-runs.ts';

export type RunObjects = { run: RunRow; steps: RunStepRow[]; messages: MessageRow[] };

/** A run with all of its steps and messages, oldest first. @throws ApiError 404 */
export async function readRunObjects(db: Queryable, path: RunPath): Promise<RunObjects> {
  const { runId } = path;
  const run = await getRunRow(db, path);
  const messages = await query<MessageRow>(
    db,
    'replay.messages',
    `select ${MESSAGE_COLUMNS} from messages where run_id = $1 order by seq`,
    [runId],
  );
  return { run, steps: await readRunSteps(db, runId), messages };
}
