/** The end of an ingest that worked, which is also that of its copies: the same file, cut in the same way, in other stores. */
import { ingestEnded } from '../../telemetry/metrics.ts';
import type { Pool, Tx } from '../core/pool.ts';
import { afterCommit, query, withTransaction } from '../core/pool.ts';
import { INGEST_ID } from '../files/detach-files.ts';
import { copyCodes, countUsage, lockDocument } from './document-vectors.ts';
import type { IngestStatus } from './documents.ts';
import { statusOfIngest } from './documents.ts';

/** Copies of one transaction, and rows of an index that it writes for them. */
const COPIES = 100;
const CODES = 20_000;

/** Completes the ingest. Returns its status: another process may have ended it before. */
export async function completeFile(
  pool: Pool,
  seq: number,
  documentId: number,
): Promise<IngestStatus> {
  return withTransaction(pool, async (tx) => {
    await lockDocument(tx, documentId);
    const rows = await query<{ embedded: boolean }>(
      tx,
      'documents.complete-file',
      `update vector_store_files f set status = 'completed', updated_at = clock_timestamp() from documents d
       where f.seq = $1 and f.status = 'in_progress' and d.id = $2 and f.document_id = d.id and d.chunk_count is not null
       returning d.embedded_with is not null as embedded`,
      [seq, documentId],
    );
    if (rows[0] === undefined) return statusOfIngest(tx, seq);
    const seqs = [seq, ...(await completeCopies(tx, seq, documentId))];
    if (rows[0].embedded) await copyCodes(tx, documentId, seqs);
    await countUsage(tx, documentId, seqs);
    afterCommit(tx, () => seqs.forEach(() => ingestEnded('completed')));
    return 'completed';
  });
}

/** Those that wait to start, or to be cut. One that some transaction works on ends by itself. */
async function completeCopies(tx: Tx, seq: number, documentId: number): Promise<number[]> {
  const rows = await query<{ seq: number }>(
    tx,
    'documents.complete-copies',
    `with copies as (select c.seq from vector_store_files f
         join vector_store_files c using (project_id, file_id, max_chunk_tokens, chunk_overlap_tokens)
         where f.seq = $1 and c.status = 'in_progress' and coalesce(c.document_id, $2) = $2 order by c.seq
         limit (select least(${COPIES}, ${CODES} / greatest(chunk_count, 1)) from documents where id = $2)
         for update of c skip locked),
       done as (update vector_store_files set status = 'completed', document_id = $2, updated_at = clock_timestamp()
         where seq in (select copies.seq from copies) returning seq, ${INGEST_ID} as ingest_id),
       started as (delete from deliveries where kind = 'ingest' and run_id in (select ingest_id from done))
     select seq from done`,
    [seq, documentId],
  );
  return rows.map((row) => row.seq);
}
