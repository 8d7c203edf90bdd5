import { createHash } from 'node:crypto';

import { BlobGoneError, readBlob } from '../../../db/blobs/blobs.ts';
import type { Pool } from '../../../db/core/pool.ts';
import * as db from '../../../db/files/uploads.ts';
import { upload } from '../../../wire/answers.ts';
import { uploadMd5Mismatch } from '../../../wire/errors/file-errors.ts';
import { toUpload } from '../../../wire/objects.ts';
import { completeUploadSchema } from '../../../wire/requests/files.ts';
import { operation } from '../../operation.ts';

export const completeUpload = operation({
  route: 'POST /uploads/{upload_id}/complete',
  body: completeUploadSchema,
  answer: upload,
  /** The parts are read outside the transaction: they do not change, they can only go when the upload ends. */
  async before({ pool, project, ids, body: { part_ids, md5 } }) {
    if (md5 === undefined) return;
    const found = await db.getUpload(pool, project, ids.upload_id);
    if (found.upload.status === 'completed') return;
    const got = await md5Of(pool, ids.upload_id, part_ids);
    if (got !== undefined && got !== md5) throw uploadMd5Mismatch(got);
  },
  async write({ tx, project, ids, body }) {
    const ended = await db.completeUpload(tx, project, ids.upload_id, body.part_ids);
    return { object: toUpload(ended.upload, ended.file) };
  },
});

/** Undefined: the upload has ended meanwhile. */
async function md5Of(pool: Pool, id: string, partIds: string[]): Promise<string | undefined> {
  const hash = createHash('md5');
  try {
    for (const { blob_id } of await db.getParts(pool, id, partIds)) {
      for await (const chunk of readBlob(pool, blob_id)) hash.update(chunk);
    }
  } catch (error) {
    if (error instanceof BlobGoneError) return undefined;
    throw error;
  }
  return hash.digest('hex');
}
