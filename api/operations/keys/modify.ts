import { changeLimits } from '../../../db/projects/limits.ts';
import { getKey } from '../../../db/projects/project-keys.ts';
import { projectKey } from '../../../wire/admin/answers.ts';
import { modifyKeySchema } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

export const modifyKey = operation({
  route: 'POST /threadmill/keys/{key_id}',
  extension: true,
  audit: 'api_key.updated',
  body: modifyKeySchema,
  answer: projectKey,
  async write({ tx, ids: { key_id: id }, body }) {
    await changeLimits(tx, { key: id }, body.limits);
    const object = await getKey(tx, id);
    return { object, audited: { project: object.project_id } };
  },
});
