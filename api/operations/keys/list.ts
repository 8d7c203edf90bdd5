import * as db from '../../../db/projects/project-keys.ts';
import { projectKey } from '../../../wire/admin/answers.ts';
import { listOf } from '../../../wire/answers.ts';
import { listQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listProjectKeys = operation({
  route: 'GET /threadmill/projects/{project_id}/keys',
  extension: true,
  query: listQuery,
  answer: listOf(projectKey),
  read: ({ pool, ids, query }) => db.listProjectKeys(pool, ids.project_id, query),
});
