import { listWaitingRuns } from '../../../db/batches/batches.ts';
import { listOf, run } from '../../../wire/answers.ts';
import { listBatchesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

/** The runs that wait for outputs of their functions, oldest first. */
export const listBatchRequiresAction = operation({
  route: 'GET /batches/{batch_id}/requires_action',
  extension: true,
  query: listBatchesQuery,
  answer: listOf(run),
  read: ({ pool, project, ids, query }) => listWaitingRuns(pool, project, ids.batch_id, query),
});
