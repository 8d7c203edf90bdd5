import * as db from '../../../db/runs/run-steps.ts';
import { runStep } from '../../../wire/answers.ts';
import { includeQuery } from '../../../wire/requests/queries.ts';
import { withoutSearchContent } from '../../../wire/search-results.ts';
import { operation } from '../../operation.ts';

export const getRunStep = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}',
  query: includeQuery,
  answer: runStep,
  async read({ pool, project, ids: { thread_id, run_id, step_id }, query: { include } }) {
    const step = await db.getRunStep(pool, {
      projectId: project,
      threadId: thread_id,
      runId: run_id,
      stepId: step_id,
    });
    return include.length > 0 ? step : withoutSearchContent(step);
  },
});
