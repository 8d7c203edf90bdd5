import * as db from '../../../db/batches/batches.ts';
import { listOf } from '../../../wire/answers.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { listBatchesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listBatches = operation({
  route: 'GET /batches',
  query: listBatchesQuery,
  answer: listOf(batch),
  read: ({ pool, project, query }) => db.listBatches(pool, project, query),
});
