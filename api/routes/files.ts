/** /files. Mounted ahead of the JSON parser: its one body is a form that is stored while it arrives. */
import { pipeline } from 'node:stream/promises';

import type { RequestHandler, Response } from 'express';
import { Router } from 'express';

import { BlobGoneError, deleteBlob, readBlob } from '../../db/blobs.ts';
import { createFileOfBlob, deleteFile, getFileRow, listFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import { withTransaction } from '../../db/pool.ts';
import { downloadNotAllowed, noSuchFile } from '../../wire/errors.ts';
import { checkFileId } from '../../wire/ids.ts';
import { toFile } from '../../wire/objects.ts';
import { parseCreateFile, parseListFilesQuery } from '../../wire/requests.ts';
import type { FileRow } from '../../wire/rows.ts';
import { attachment } from '../attachment.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';
import { withStoredForm } from '../multipart.ts';

export function fileRoutes(context: ApiContext): Router {
  const { config, pool } = context;
  const router = Router();

  router.post('/', createFileHandler(context));

  router.get('/', async (request, response) => {
    response.json(await listFiles(pool, projectOf(response), parseListFilesQuery(request.query)));
  });

  router.get('/:file_id', async (request, response) => {
    const id = checkFileId(request.params.file_id);
    response.json(toFile(await getFileRow(pool, projectOf(response), id)));
  });

  router.delete('/:file_id', async (request, response) => {
    const id = checkFileId(request.params.file_id);
    await withTransaction(pool, (tx) => deleteFile(tx, projectOf(response), id));
    response.json({ id, object: 'file', deleted: true });
  });

  router.get('/:file_id/content', async (request, response) => {
    const id = checkFileId(request.params.file_id);
    const file = await getFileRow(pool, projectOf(response), id);
    if (file.purpose === 'assistants' && !config.downloadAssistantsFiles)
      throw downloadNotAllowed(file.purpose);
    await sendContent(context, response, file);
  });

  return router;
}

function createFileHandler({ config, pool }: ApiContext): RequestHandler {
  return async (request, response) => {
    const options = { pool, field: 'file', maxBytes: config.fileLimitBytes };
    const file = await withStoredForm(request, response, options, async (form) => {
      const { expires_after, ...fields } = parseCreateFile(form);
      const { id: blobId, bytes, sha256 } = form.file!.blob;
      // The content is part of what makes two requests the same.
      const body = { ...fields, expires_after, sha256: sha256.toString('hex') };
      const { file: created, replayed } = await once(
        pool,
        idempotencyOf(request, response, body),
        async (tx) => ({
          file: await createFileOfBlob(
            tx,
            projectOf(response),
            { ...fields, blobId, bytes, expiresAfter: expires_after },
            config.fileQuotaBytes,
          ),
        }),
      );
      if (replayed) await deleteBlob(pool, blobId);
      return created;
    });
    response.json(toFile(file));
  };
}

/** At the pace of the reader. A file that is deleted meanwhile cuts the answer short of its `content-length`. */
async function sendContent({ pool }: ApiContext, response: Response, file: FileRow): Promise<void> {
  const chunks = readBlob(pool, file.blob_id);
  const first = await chunks.next().catch((error: unknown) => {
    throw error instanceof BlobGoneError ? noSuchFile(file.id) : error;
  });
  response.set({
    'content-type': 'application/octet-stream',
    'content-disposition': attachment(file.filename),
    'content-length': String(file.bytes),
  });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  const content = async function* () {
    if (!first.done) yield first.value;
    yield* chunks;
  };
  await pipeline(content, response).catch((error: unknown) => {
    // A client that went away has nobody to tell.
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
