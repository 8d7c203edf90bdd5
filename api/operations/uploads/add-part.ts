import { addPart, checkPending } from '../../../db/files/uploads.ts';
import { uploadPart } from '../../../wire/answers.ts';
import { toUploadPart } from '../../../wire/objects.ts';
import { addPartSchema } from '../../../wire/requests/files.ts';
import { operation } from '../../operation.ts';

export const addUploadPart = operation({
  route: 'POST /uploads/{upload_id}/parts',
  form: { field: 'data', maxBytes: (config) => config.uploadPartLimitBytes, reserved: true },
  body: addPartSchema,
  answer: uploadPart,
  idempotent: true,
  before: ({ pool, project, ids }) => checkPending(pool, project, ids.upload_id),
  write: async ({ tx, project, ids, blob }) => ({
    object: toUploadPart(await addPart(tx, project, ids.upload_id, blob)),
  }),
});
