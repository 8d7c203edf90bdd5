import type { Response } from 'express';

import { findInBlob, readBlobSpan } from '../../../db/blobs/blob-parts.ts';
import { BlobGoneError } from '../../../db/blobs/blobs.ts';
import { getFileRow } from '../../../db/files/files.ts';
import type { Pool } from '../../../db/core/pool.ts';
import { downloadNotAllowed, noSuchFile, noSuchRange } from '../../../wire/errors/file-errors.ts';
import type { FileRow } from '../../../wire/rows.ts';
import { attachment } from '../../http/attachment.ts';
import { sendInParts } from '../../http/send-in-parts.ts';
import { operation } from '../../operation.ts';

export const downloadFile = operation({
  route: 'GET /files/{file_id}/content',
  answer: null,
  errors: [416],
  async send({ context, pool, project, ids }, response) {
    const file = await getFileRow(pool, project, ids.file_id);
    if (file.purpose === 'assistants' && !context.config.downloadAssistantsFiles) {
      throw downloadNotAllowed(file.purpose);
    }
    await sendContent(pool, response, file);
  },
});

const START = { chunk: 0, offset: 0 };

/**
 * At the pace of the reader. A file that is deleted meanwhile cuts the answer short of its `content-length`. A request for one
 * range gets that part, unless its If-Range names other content (RFC 9110, 13.1.5 and 14.2).
 */
async function sendContent(pool: Pool, response: Response, file: FileRow): Promise<void> {
  const { id, blob_id: blob, bytes: size } = file;
  const asked = rangeOf(response, size);
  const { sha256, place } = await findInBlob(pool, blob, asked?.start ?? 0).catch(
    (error: unknown) => {
      throw error instanceof BlobGoneError ? noSuchFile(id) : error;
    },
  );
  const etag = `"${sha256?.toString('hex') ?? id}"`;
  response.set({
    'content-type': 'application/octet-stream',
    'content-disposition': attachment(file.filename),
    'accept-ranges': 'bytes',
    etag,
  });
  const range = (response.req.get('if-range') ?? etag) === etag ? asked : undefined;
  if (range !== undefined) sendRange(response, size, range);
  const bytes = range ? range.end - range.start + 1 : size;
  response.set('content-length', String(bytes));
  await sendInParts(response, readBlobSpan(pool, blob, range ? place : START, bytes));
}

type Range = { start: number; end: number };

/** Undefined: the whole is sent, as to a request for several ranges. `start` is `size` if no byte is in the range. */
function rangeOf({ req: request }: Response, size: number): Range | undefined {
  const ranges = request.method === 'GET' ? request.range(size) : undefined;
  if (ranges === -1) return { start: size, end: size };
  return Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1
    ? ranges[0]
    : undefined;
}

/** @throws ApiError 416 */
function sendRange(response: Response, size: number, { start, end }: Range): void {
  if (start === size) {
    response.removeHeader('content-disposition');
    response.set('content-range', `bytes */${size}`);
    throw noSuchRange(size);
  }
  response.status(206).set('content-range', `bytes ${start}-${end}/${size}`);
}
