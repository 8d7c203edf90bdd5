/** Reads the output file of the batch that a batch resumes from. A group that is taken over twice changes nothing. */
import { readBlobFrom } from '../../db/blobs/blob-parts.ts';
import type { FoundResult } from '../../db/batches/resume.ts';
import { takeOver } from '../../db/batches/resume.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { BatchRow } from '../../wire/rows.ts';
import { readLines } from './read-lines.ts';

/** Results looked for in one statement. */
const GROUP = 500;

/** How `resultLine` begins. */
const BEGINNING = /^\{"id":"\w+","custom_id":("(?:[^"\\]|\\.)*")/;

export async function takeOverResults(
  pool: Pool,
  batch: BatchRow,
  signal: AbortSignal,
): Promise<void> {
  const { resumed_blob_id: blob } = batch;
  if (blob === null) return;
  let found: FoundResult[] = [];
  const start = { chunk: 0, offset: 0 };
  for await (const { text, place, bytes } of readLines(readBlobFrom(pool, blob, start), Infinity)) {
    const [, customId] = BEGINNING.exec(text!) ?? [];
    // With its end of line.
    if (customId !== undefined) {
      found.push({ ...place, bytes: bytes + 1, customId: JSON.parse(customId) as string });
    }
    if (found.length < GROUP) continue;
    signal.throwIfAborted();
    await takeOver(pool, batch, found);
    found = [];
  }
  await takeOver(pool, batch, found);
}
