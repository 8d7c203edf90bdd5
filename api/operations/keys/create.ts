import * as db from '../../../db/projects/project-keys.ts';
import { createdKey } from '../../../wire/admin/answers.ts';
import { createKeySchema } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

/** Takes no Idempotency-Key: the answer would be stored, and with it the key. */
export const createProjectKey = operation({
  route: 'POST /threadmill/projects/{project_id}/keys',
  extension: true,
  audit: 'api_key.created',
  body: createKeySchema,
  answer: createdKey,
  async write({ tx, ids, body: { name, scopes, expires_in_seconds: expiresInSeconds } }) {
    const project = ids.project_id;
    const grant = { name, scopes, expiresInSeconds };
    return { object: await db.createProjectKey(tx, project, grant), audited: { project } };
  },
});
