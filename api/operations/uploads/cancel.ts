import * as db from '../../../db/files/uploads.ts';
import { upload } from '../../../wire/answers.ts';
import { toUpload } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const cancelUpload = operation({
  route: 'POST /uploads/{upload_id}/cancel',
  answer: upload,
  async write({ tx, project, ids }) {
    const ended = await db.cancelUpload(tx, project, ids.upload_id);
    return { object: toUpload(ended.upload, ended.file) };
  },
});
