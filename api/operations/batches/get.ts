import { getBatch } from '../../../db/batches/batches.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { hasEnded } from '../../../wire/batches/batch-status.ts';
import { toBatch } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const retrieveBatch = operation({
  route: 'GET /batches/{batch_id}',
  answer: batch,
  polled: ({ status }) => !hasEnded(status),
  read: async ({ pool, project, ids }) => toBatch(await getBatch(pool, project, ids.batch_id)),
});
