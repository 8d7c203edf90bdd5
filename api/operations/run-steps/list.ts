import * as db from '../../../db/runs/run-steps.ts';
import { getRun } from '../../../db/runs/read-runs.ts';
import { listOf, runStep } from '../../../wire/answers.ts';
import { listStepsQuery } from '../../../wire/requests/queries.ts';
import { withoutSearchContent } from '../../../wire/search-results.ts';
import { operation } from '../../operation.ts';

export const listRunSteps = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/steps',
  query: listStepsQuery,
  answer: listOf(runStep),
  async read({ pool, project, ids, query: { include, ...page } }) {
    await getRun(pool, project, ids.thread_id, ids.run_id);
    const steps = await db.listRunSteps(pool, project, ids.run_id, page);
    return include.length > 0 ? steps : { ...steps, data: steps.data.map(withoutSearchContent) };
  },
});
