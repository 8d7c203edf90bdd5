import * as db from '../../../db/projects/projects.ts';
import { project } from '../../../wire/admin/answers.ts';
import { operation } from '../../operation.ts';

export const getProject = operation({
  route: 'GET /threadmill/projects/{project_id}',
  extension: true,
  answer: project,
  read: ({ pool, ids }) => db.getProject(pool, ids.project_id),
});
