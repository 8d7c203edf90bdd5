/** Answers that are sent as they are read, at the pace of the reader. */
import { pipeline } from 'node:stream/promises';

import type { Response } from 'express';

/** An error in the middle of it cuts the answer short. */
export async function sendInParts(
  response: Response,
  parts: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  if (response.get('content-type') === undefined) response.type('json');
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  await pipeline(parts, response).catch((error: unknown) => {
    // A client that went away has nobody to tell.
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
