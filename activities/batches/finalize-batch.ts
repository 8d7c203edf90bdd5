/** Writes the output and error files of a batch, line by line in the order of the input, and ends it. */
import { findBatch } from '../../db/batches/batches.ts';
import { countLines } from '../../db/batches/line-states.ts';
import type { LineResult } from '../../db/batches/results.ts';
import { readResults } from '../../db/batches/results.ts';
import { endBatch } from '../../db/batches/transitions.ts';
import { readBlobPart } from '../../db/blobs/blob-parts.ts';
import type { StoredBlob } from '../../db/blobs/blobs.ts';
import { deleteBlob } from '../../db/blobs/blobs.ts';
import { writeBlob } from '../../db/blobs/write-blob.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { Pool, Tx } from '../../db/core/pool.ts';
import { createFileOfBlob } from '../../db/files/files.ts';
import type { BatchId } from '../../wire/ids.ts';
import type { LineState } from '../../wire/batches/batch-status.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { beating } from '../ingest/ingest-file.ts';
import { isAnswered, resultLine } from './result-line.ts';

const ENDED: readonly LineState[] = ['completed', 'failed', 'cancelled', 'expired'];

export async function finalizeBatch(deps: ActivityDependencies, id: BatchId): Promise<void> {
  return beating(async (signal) => {
    const batch = await findBatch(deps.pool, id);
    if (batch?.status !== 'finalizing' && batch?.status !== 'cancelling') return;
    const output = await write(deps, batch, ['completed'], signal);
    const errors = await write(deps, batch, ENDED, signal);
    // Lines that a cancel or the expiry left without a result have not failed.
    const { failed = 0 } = await countLines(deps.pool, id);
    const ended = await withTransaction(deps.pool, async (tx) => {
      const outputFileId = await makeFile(tx, batch, 'output', output.blob);
      const errorFileId = await makeFile(tx, batch, 'error', errors.blob);
      const counts = {
        completed: output.lines,
        failed: batch.ending === null ? errors.lines : failed,
      };
      return endBatch(tx, batch, { outputFileId, errorFileId, ...counts });
    });
    if (ended === undefined) throw new Error(`Batch ${id} has ended meanwhile.`);
  });
}

/** The output has the lines that were answered, the error file all others. `blob` is undefined if there is no line. */
async function write(
  { pool }: ActivityDependencies,
  batch: BatchRow,
  states: readonly LineState[],
  signal: AbortSignal,
): Promise<{ blob: StoredBlob | undefined; lines: number }> {
  const answered = states.length === 1;
  let lines = 0;
  const content = async function* () {
    for await (const result of readResults(pool, batch.id, states)) {
      signal.throwIfAborted();
      if (isAnswered(result) !== answered) continue;
      lines += 1;
      yield await toBytes(pool, batch, result);
    }
  };
  const options = { maxBytes: LIMITS.maxBytes };
  const blob = await writeBlob(pool, batch.project_id, content(), options);
  if (blob.bytes > 0) return { blob, lines };
  await deleteBlob(pool, blob.id);
  return { blob: undefined, lines };
}

/** A result that was taken over is the same bytes. */
async function toBytes(pool: Pool, batch: BatchRow, result: LineResult): Promise<Buffer> {
  const { resumed_blob_id: blob, ending } = batch;
  const { resumed } = result;
  if (resumed !== null) return readBlobPart(pool, blob!, resumed, resumed.bytes);
  return Buffer.from(`${JSON.stringify(resultLine(result, ending))}\n`);
}

/** It counts towards the project's quota, which does not keep a result from its owner. */
async function makeFile(
  tx: Tx,
  batch: BatchRow,
  kind: 'output' | 'error',
  blob: StoredBlob | undefined,
): Promise<string | null> {
  if (blob === undefined) return null;
  const file = await createFileOfBlob(tx, batch.project_id, {
    filename: `${batch.id}_${kind}.jsonl`,
    purpose: 'batch_output',
    blobId: blob.id,
    bytes: blob.bytes,
    expiresAfter: batch.output_expires_after ?? undefined,
  });
  return file.id;
}
