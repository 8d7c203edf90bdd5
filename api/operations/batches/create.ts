import * as db from '../../../db/batches/batches.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { createBatchQuery, createBatchSchema } from '../../../wire/batches/requests.ts';
import { operation } from '../../operation.ts';

/** The input file is read by the batch's workflow. */
export const createBatch = operation({
  route: 'POST /batches',
  query: createBatchQuery,
  body: createBatchSchema,
  answer: batch,
  idempotent: true,
  async write({ tx, caller, query, body }) {
    const { batch: object, delivery } = await db.createBatch(tx, caller, {
      ...body,
      dryRun: query.dry_run,
    });
    return { object, deliveries: [delivery] };
  },
});
