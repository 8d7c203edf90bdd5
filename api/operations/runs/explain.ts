import { explainRun as explain } from '../../../db/runs/explain-run.ts';
import { runExplanation } from '../../../wire/explanation.ts';
import { explainQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

export const explainRun = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/explain',
  extension: true,
  query: explainQuery,
  answer: runExplanation,
  read: (call) => explain(call.pool, runPath(call), call.query.include.includes('content')),
});
