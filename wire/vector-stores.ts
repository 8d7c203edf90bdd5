/** Row in, wire object out, for vector stores. The status of a store or batch is that of its files. */
import type {
  FileCountsRow,
  VectorStoreFileBatchRow,
  VectorStoreFileRow,
  VectorStoreRow,
} from './rows.ts';
import type { FileCounts, VectorStore, VectorStoreFile, VectorStoreFileBatch } from './types.ts';

export function toVectorStore(row: VectorStoreRow): VectorStore {
  return {
    id: row.id,
    object: 'vector_store',
    created_at: row.created_at,
    name: row.name,
    description: row.description,
    usage_bytes: row.usage_bytes,
    file_counts: toFileCounts(row),
    status: storeStatus(row),
    expires_after:
      row.expires_after_days === null
        ? null
        : { anchor: 'last_active_at', days: row.expires_after_days },
    expires_at: row.expires_at,
    last_active_at: row.last_active_at,
    metadata: row.metadata,
  };
}

function storeStatus(row: VectorStoreRow): VectorStore['status'] {
  if (row.expired) return 'expired';
  return row.in_progress > 0 ? 'in_progress' : 'completed';
}

export function toVectorStoreFile(row: VectorStoreFileRow): VectorStoreFile {
  return {
    id: row.id,
    object: 'vector_store.file',
    usage_bytes: row.usage_bytes,
    created_at: row.created_at,
    vector_store_id: row.vector_store_id,
    status: row.status,
    last_error: row.last_error,
    chunking_strategy: {
      type: 'static',
      static: {
        max_chunk_size_tokens: row.max_chunk_tokens,
        chunk_overlap_tokens: row.chunk_overlap_tokens,
      },
    },
    attributes: row.attributes,
  };
}

export function toVectorStoreFileBatch(row: VectorStoreFileBatchRow): VectorStoreFileBatch {
  return {
    id: row.id,
    object: 'vector_store.files_batch',
    created_at: row.created_at,
    status: batchStatus(row),
    vector_store_id: row.vector_store_id,
    file_counts: toFileCounts(row),
  };
}

/** `failed` is a batch of which nothing came into the store. */
export function batchStatus(row: VectorStoreFileBatchRow): VectorStoreFileBatch['status'] {
  if (row.in_progress > 0) return 'in_progress';
  if (row.cancelled_at !== null) return 'cancelled';
  return row.total > 0 && row.failed === row.total ? 'failed' : 'completed';
}

function toFileCounts(row: FileCountsRow): FileCounts {
  const { in_progress, completed, failed, cancelled, total } = row;
  return { in_progress, completed, failed, cancelled, total };
}
