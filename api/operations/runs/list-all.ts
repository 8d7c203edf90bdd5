import * as db from '../../../db/runs/read-runs.ts';
import { listOf, run } from '../../../wire/answers.ts';
import { listProjectRunsQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listProjectRuns = operation({
  route: 'GET /threadmill/runs',
  extension: true,
  scope: 'read',
  query: listProjectRunsQuery,
  answer: listOf(run),
  read: ({ pool, project, query }) => db.listProjectRuns(pool, project, query),
});
