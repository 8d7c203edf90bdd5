import { changeLimits } from '../../../db/projects/limits.ts';
import * as db from '../../../db/projects/projects.ts';
import { project } from '../../../wire/admin/answers.ts';
import { modifyProjectSchema } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

export const modifyProject = operation({
  route: 'POST /threadmill/projects/{project_id}',
  extension: true,
  audit: 'project.updated',
  body: modifyProjectSchema,
  answer: project,
  async write({ tx, ids: { project_id: id }, body }) {
    await changeLimits(tx, { project: id }, body.limits);
    return { object: await db.getProject(tx, id), audited: { project: id } };
  },
});
