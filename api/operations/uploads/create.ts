import * as db from '../../../db/files/uploads.ts';
import { upload } from '../../../wire/answers.ts';
import { invalidRequest } from '../../../wire/errors/errors.ts';
import { toUpload } from '../../../wire/objects.ts';
import { createUploadSchema } from '../../../wire/requests/files.ts';
import { quotaOf } from '../../limits/owners.ts';
import { operation } from '../../operation.ts';

export const createUpload = operation({
  route: 'POST /uploads',
  body: createUploadSchema,
  answer: upload,
  idempotent: true,
  before: async ({ context, body }) => checkSize(body.bytes, context.config.uploadLimitBytes),
  async write({ context, tx, caller, project, body }) {
    const { mime_type: mimeType, expires_after: fileExpiresAfter, ...fields } = body;
    const created = { ...fields, mimeType, fileExpiresAfter };
    const row = await db.createUpload(tx, project, created, quotaOf(context.config, caller));
    return { object: toUpload(row, null) };
  },
});

function checkSize(bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  throw invalidRequest(
    `Invalid 'bytes': integer above maximum value. Expected a value <= ${limitBytes}, but got ${bytes} instead.`,
    { code: 'integer_above_max_value', param: 'bytes' },
  );
}
