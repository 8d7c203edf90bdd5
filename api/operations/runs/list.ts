import * as db from '../../../db/runs/read-runs.ts';
import { getThread } from '../../../db/threads/threads.ts';
import { listOf, run } from '../../../wire/answers.ts';
import { listQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listRuns = operation({
  route: 'GET /threads/{thread_id}/runs',
  query: listQuery,
  answer: listOf(run),
  async read({ pool, project, ids, query }) {
    await getThread(pool, project, ids.thread_id);
    return db.listRuns(pool, project, ids.thread_id, query);
  },
});
