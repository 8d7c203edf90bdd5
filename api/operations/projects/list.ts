import * as db from '../../../db/projects/projects.ts';
import { project } from '../../../wire/admin/answers.ts';
import { listOf } from '../../../wire/answers.ts';
import { listQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listProjects = operation({
  route: 'GET /threadmill/projects',
  extension: true,
  query: listQuery,
  answer: listOf(project),
  read: ({ pool, query }) => db.listProjects(pool, query),
});
