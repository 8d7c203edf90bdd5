/** Downloads the files of a batch. A file gets its name once it is whole. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

import OpenAI from 'openai';

import { StartError, reasonOf } from '../serve/start-error.ts';

/** The content goes to `<path>.part`, where the next download goes on after a cut. */
export async function download(client: OpenAI, fileId: string, path: string): Promise<void> {
  const part = `${path}.part`;
  try {
    const had = await stat(part).catch(() => ({ size: 0 }));
    // A part of another file is found out by the hash: the download then begins anew.
    if (
      (had.size > 0 && (await fill(client, fileId, part, had.size))) ||
      (await fill(client, fileId, part, 0))
    ) {
      return await rename(part, path);
    }
    throw new Error('its content is not that of the server');
  } catch (error) {
    if (error instanceof OpenAI.APIError) throw error;
    const { cause } = error as Error;
    throw new StartError(
      `${path} could not be downloaded whole (${reasonOf(cause ?? error)}): fetch it again.`,
    );
  }
}

const NO_SUCH_RANGE = 416;

/** Adds the content from this byte on, or writes all of it if the server sends no parts. Returns whether `part` is the file now. */
async function fill(client: OpenAI, fileId: string, part: string, from: number): Promise<boolean> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  const answer = await client.files.content(fileId, { headers }).catch((error: unknown) => {
    if (error instanceof OpenAI.APIError && error.status === NO_SUCH_RANGE) return undefined;
    throw error;
  });
  if (answer === undefined) return false;
  const flags = answer.status === 206 ? 'a' : 'w';
  // An answer that ends before its content-length is an error of the stream.
  const content = Readable.fromWeb(answer.body as ReadableStream);
  await pipeline(content, createWriteStream(part, { flags }));
  return isContentOf(part, answer.headers.get('etag'));
}

/** This server's ETag is the SHA-256 of the content. Of another form it says nothing. */
async function isContentOf(path: string, etag: string | null): Promise<boolean> {
  const [, sha256] = /^"([0-9a-f]{64})"$/.exec(etag ?? '') ?? [];
  if (sha256 === undefined) return true;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex') === sha256;
}
