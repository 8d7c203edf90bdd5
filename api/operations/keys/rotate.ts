import * as db from '../../../db/projects/project-keys.ts';
import { createdKey } from '../../../wire/admin/answers.ts';
import { rotateKeySchema } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

/** Takes no Idempotency-Key: the answer would be stored, and with it the key. */
export const rotateKey = operation({
  route: 'POST /threadmill/keys/{key_id}/rotate',
  extension: true,
  audit: 'api_key.rotated',
  body: rotateKeySchema,
  answer: createdKey,
  async write({ tx, ids, body }) {
    const object = await db.rotateKey(tx, ids.key_id, body.overlap_seconds);
    return { object, audited: { project: object.project_id, resource: ids.key_id } };
  },
});
