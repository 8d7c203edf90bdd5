import { createFileOfBlob } from '../../../db/files/files.ts';
import { file } from '../../../wire/answers.ts';
import { toFile } from '../../../wire/objects.ts';
import { createFileSchema } from '../../../wire/requests/files.ts';
import { operation } from '../../operation.ts';

export const createFile = operation({
  route: 'POST /files',
  form: { field: 'file', maxBytes: (config) => config.fileLimitBytes },
  body: createFileSchema,
  answer: file,
  idempotent: true,
  async write({ tx, project, body, blob }) {
    const { expires_after: expiresAfter, ...fields } = body;
    const stored = { ...fields, blobId: blob.id, bytes: blob.bytes, expiresAfter };
    return { object: toFile(await createFileOfBlob(tx, project, stored)) };
  },
});
