import { revokeKey as revoke } from '../../../db/projects/project-keys.ts';
import { deleted } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

const object = 'organization.project.api_key.deleted';

export const revokeKey = operation({
  route: 'DELETE /threadmill/keys/{key_id}',
  extension: true,
  audit: 'api_key.revoked',
  answer: deleted(object),
  async write({ tx, ids: { key_id: id } }) {
    const project = await revoke(tx, id);
    return { object: { id, object, deleted: true as const }, audited: { project } };
  },
});
