/** /uploads: a file in parts, which may be sent at the same time and are put in order at the end. */
import { createHash } from 'node:crypto';

import type { RequestHandler } from 'express';
import { Router } from 'express';

import { BlobGoneError, deleteBlob, readBlob } from '../../db/blobs.ts';
import { once } from '../../db/idempotency.ts';
import type { Pool } from '../../db/pool.ts';
import { withTransaction } from '../../db/pool.ts';
import type { StoredUpload } from '../../db/uploads.ts';
import {
  addPart,
  cancelUpload,
  checkPending,
  completeUpload,
  createUpload,
  getParts,
  getUpload,
} from '../../db/uploads.ts';
import { invalidRequest, uploadMd5Mismatch } from '../../wire/errors.ts';
import { checkId } from '../../wire/ids.ts';
import { toUpload, toUploadPart } from '../../wire/objects.ts';
import { parseAddPart, parseCompleteUpload, parseCreateUpload } from '../../wire/requests.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';
import { withStoredForm } from '../multipart.ts';

export function uploadRoutes({ config, pool }: ApiContext): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const params = parseCreateUpload(request.body);
    checkSize(params.bytes, config.uploadLimitBytes);
    const fields = {
      ...params,
      mimeType: params.mime_type,
      fileExpiresAfter: params.expires_after,
    };
    const { upload } = await once(pool, idempotencyOf(request, response), async (tx) => ({
      upload: await createUpload(tx, projectOf(response), fields, config.fileQuotaBytes),
    }));
    response.json(toUpload(upload, null));
  });

  router.post('/:upload_id/complete', async (request, response) => {
    const id = checkId('upload_id', request.params.upload_id);
    const { part_ids, md5 } = parseCompleteUpload(request.body);
    const projectId = projectOf(response);
    const ended =
      md5 === undefined ? undefined : await checkMd5(pool, projectId, id, part_ids, md5);
    const { upload, file } =
      ended ?? (await withTransaction(pool, (tx) => completeUpload(tx, projectId, id, part_ids)));
    response.json(toUpload(upload, file));
  });

  router.post('/:upload_id/cancel', async (request, response) => {
    const id = checkId('upload_id', request.params.upload_id);
    const { upload, file } = await withTransaction(pool, (tx) =>
      cancelUpload(tx, projectOf(response), id),
    );
    response.json(toUpload(upload, file));
  });

  return router;
}

/** Mounted ahead of the JSON parser. */
export function addPartHandler({ config, pool }: ApiContext): RequestHandler {
  return async (request, response) => {
    const id = checkId('upload_id', (request.params as { upload_id: string }).upload_id);
    const projectId = projectOf(response);
    await checkPending(pool, projectId, id);
    const options = { pool, field: 'data', maxBytes: config.uploadPartLimitBytes };
    const part = await withStoredForm(request, response, options, async (form) => {
      parseAddPart(form);
      const { blob } = form.file!;
      const body = { sha256: blob.sha256.toString('hex') };
      const { part: added, replayed } = await once(
        pool,
        idempotencyOf(request, response, body),
        async (tx) => ({ part: await addPart(tx, projectId, id, blob) }),
      );
      if (replayed) await deleteBlob(pool, blob.id);
      return added;
    });
    response.json(toUploadPart(part));
  };
}

function checkSize(bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  throw invalidRequest(
    `Invalid 'bytes': integer above maximum value. Expected a value <= ${limitBytes}, but got ${bytes} instead.`,
    { code: 'integer_above_max_value', param: 'bytes' },
  );
}

/**
 * Reads the parts outside any transaction: they do not change, they can only go when the upload ends. Then the ended
 * upload is returned if it was completed.
 * @throws ApiError 404; 400
 */
async function checkMd5(
  pool: Pool,
  projectId: string,
  id: string,
  partIds: readonly string[],
  md5: string,
): Promise<StoredUpload | undefined> {
  const found = await getUpload(pool, projectId, id);
  if (found.upload.status === 'completed') return found;
  const hash = createHash('md5');
  try {
    for (const { blob_id } of await getParts(pool, id, partIds))
      for await (const chunk of readBlob(pool, blob_id)) hash.update(chunk);
  } catch (error) {
    if (error instanceof BlobGoneError) return undefined;
    throw error;
  }
  const got = hash.digest('hex');
  if (got !== md5) throw uploadMd5Mismatch(got);
  return undefined;
}
