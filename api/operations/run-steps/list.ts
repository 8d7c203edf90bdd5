import * as db from '../../../db/runs/run-steps.ts';
import { getRun } from '../../../db/runs/read-runs.ts';
import { listOf, runStep } from '../../../wire/answers.ts';
import { listStepsQuery } from '../../../wire/requests/queries.ts';
import { withoutSearchContent } from '../../../wire/search-results.ts';
import { operation } from '../../operation.ts';
import { runPath } from '../runs/run-path.ts';

export const listRunSteps = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/steps',
  query: listStepsQuery,
  answer: listOf(runStep),
  async read(call) {
    const { include, ...page } = call.query;
    await getRun(call.pool, runPath(call));
    const steps = await db.listRunSteps(call.pool, call.project, call.ids.run_id, page);
    return include.length > 0 ? steps : { ...steps, data: steps.data.map(withoutSearchContent) };
  },
});
