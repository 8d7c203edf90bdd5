import * as db from '../../../db/runs/run-steps.ts';
import { runStep } from '../../../wire/answers.ts';
import { includeQuery } from '../../../wire/requests/queries.ts';
import { withoutSearchContent } from '../../../wire/search-results.ts';
import { operation } from '../../operation.ts';
import { runPath } from '../runs/run-path.ts';

export const getRunStep = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}',
  query: includeQuery,
  answer: runStep,
  async read(call) {
    const step = await db.getRunStep(call.pool, runPath(call), call.ids.step_id);
    return call.query.include.length > 0 ? step : withoutSearchContent(step);
  },
});
