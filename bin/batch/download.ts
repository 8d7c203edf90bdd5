/** Downloads the files of a batch. A file gets its name once it is whole. */
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

import type OpenAI from 'openai';

import { StartError, reasonOf } from '../serve/start-error.ts';

/** The content goes to `<path>.part`, which the next download begins anew: the server sends files from their start only. */
export async function download(client: OpenAI, fileId: string, path: string): Promise<void> {
  const { body } = await client.files.content(fileId);
  const part = `${path}.part`;
  try {
    // An answer that ends before its content-length is an error of the stream.
    await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(part));
    await rename(part, path);
  } catch (error) {
    const { cause } = error as Error;
    throw new StartError(
      `${path} could not be downloaded whole (${reasonOf(cause ?? error)}): fetch it again.`,
    );
  }
}
