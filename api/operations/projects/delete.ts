import { closeProject, countContent } from '../../../db/projects/erase-project.ts';
import { deletedProject } from '../../../wire/admin/answers.ts';
import { deleteProjectQuery } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

export const deleteProject = operation({
  route: 'DELETE /threadmill/projects/{project_id}',
  extension: true,
  audit: 'project.deleted',
  query: deleteProjectQuery,
  answer: deletedProject,
  async write({ tx, ids: { project_id: id }, query }) {
    const object = { id, object: 'organization.project.deleted' as const };
    if (query.dry_run) {
      const content = await countContent(tx, id);
      return { object: { ...object, deleted: false, content }, audited: null };
    }
    await closeProject(tx, id);
    return { object: { ...object, deleted: true }, audited: { project: id } };
  },
});
