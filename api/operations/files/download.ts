import type { Response } from 'express';

import { BlobGoneError, readBlob } from '../../../db/blobs/blobs.ts';
import { getFileRow } from '../../../db/files/files.ts';
import type { Pool } from '../../../db/core/pool.ts';
import { downloadNotAllowed, noSuchFile } from '../../../wire/errors/file-errors.ts';
import type { FileRow } from '../../../wire/rows.ts';
import { attachment } from '../../http/attachment.ts';
import { sendInParts } from '../../http/send-in-parts.ts';
import { operation } from '../../operation.ts';

export const downloadFile = operation({
  route: 'GET /files/{file_id}/content',
  answer: null,
  async send({ context, pool, project, ids }, response) {
    const file = await getFileRow(pool, project, ids.file_id);
    if (file.purpose === 'assistants' && !context.config.downloadAssistantsFiles) {
      throw downloadNotAllowed(file.purpose);
    }
    await sendContent(pool, response, file);
  },
});

/** At the pace of the reader. A file that is deleted meanwhile cuts the answer short of its `content-length`. */
async function sendContent(pool: Pool, response: Response, file: FileRow): Promise<void> {
  const chunks = readBlob(pool, file.blob_id);
  const first = await chunks.next().catch((error: unknown) => {
    throw error instanceof BlobGoneError ? noSuchFile(file.id) : error;
  });
  response.set({
    'content-type': 'application/octet-stream',
    'content-disposition': attachment(file.filename),
    'content-length': String(file.bytes),
  });
  const content = async function* () {
    if (!first.done) yield first.value;
    yield* chunks;
  };
  await sendInParts(response, content());
}
