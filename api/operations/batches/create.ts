import * as db from '../../../db/batches/batches.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { createBatchSchema } from '../../../wire/batches/requests.ts';
import { operation } from '../../operation.ts';

/** The input file is read by the batch's workflow. */
export const createBatch = operation({
  route: 'POST /batches',
  body: createBatchSchema,
  answer: batch,
  idempotent: true,
  async write({ tx, caller, body }) {
    const { batch: object, delivery } = await db.createBatch(tx, caller, body);
    return { object, deliveries: [delivery] };
  },
});
