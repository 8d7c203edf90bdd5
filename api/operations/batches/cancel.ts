import * as db from '../../../db/batches/transitions.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { toBatch } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const cancelBatch = operation({
  route: 'POST /batches/{batch_id}/cancel',
  answer: batch,
  async write({ tx, project, ids }) {
    const { batch: row, deliveries } = await db.cancelBatch(tx, project, ids.batch_id);
    return { object: toBatch(row), deliveries };
  },
});
