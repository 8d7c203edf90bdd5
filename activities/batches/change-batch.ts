/** What an operator asks of a batch in the Temporal UI, done as the API does it. */
import { log } from '@temporalio/activity';

import { findBatch } from '../../db/batches/batches.ts';
import { cancelBatch, changeBatch as change } from '../../db/batches/transitions.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { ApiError } from '../../wire/errors/errors.ts';
import type { BatchId } from '../../wire/ids.ts';
import type { BatchChange } from '../../wire/batches/requests.ts';
import { modifyBatchSchema } from '../../wire/batches/requests.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { ActivityDependencies } from '../dependencies.ts';

export type OperatorChange = BatchChange | 'cancel';

/** What the API would refuse has no effect: the log says why. */
export async function changeBatch(
  { pool }: ActivityDependencies,
  id: BatchId,
  asked: OperatorChange,
): Promise<void> {
  const batch = await findBatch(pool, id);
  if (batch === undefined) return;
  const { project_id: project } = batch;
  try {
    await withTransaction(pool, (tx) => {
      if (asked === 'cancel') return cancelBatch(tx, project, id);
      const { 'x-threadmill': settings } = parseBody(modifyBatchSchema, { 'x-threadmill': asked });
      return change(tx, project, id, settings);
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    log.warn('A change of a batch was refused', { batch: id, reason: error.message });
  }
}
