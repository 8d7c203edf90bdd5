import * as db from '../../../db/projects/projects.ts';
import { project } from '../../../wire/admin/answers.ts';
import { createProjectSchema } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

export const createProject = operation({
  route: 'POST /threadmill/projects',
  extension: true,
  audit: 'project.created',
  body: createProjectSchema,
  answer: project,
  idempotent: true,
  async write({ tx, body }) {
    const object = await db.createProject(tx, body.name);
    return { object, audited: { project: object.id } };
  },
});
