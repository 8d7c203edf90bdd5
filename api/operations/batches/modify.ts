import * as db from '../../../db/batches/transitions.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { toBatch } from '../../../wire/objects.ts';
import { modifyBatchSchema } from '../../../wire/batches/requests.ts';
import { operation } from '../../operation.ts';

/** Pauses or resumes a batch, or changes its window or priority. */
export const modifyBatch = operation({
  route: 'POST /batches/{batch_id}',
  extension: true,
  body: modifyBatchSchema,
  answer: batch,
  async write({ tx, project, ids, body }) {
    const { 'x-threadmill': change } = body;
    const { batch: row, deliveries } = await db.changeBatch(tx, project, ids.batch_id, change);
    return { object: toBatch(row), deliveries };
  },
});
