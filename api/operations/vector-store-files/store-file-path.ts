import type { StoreFilePath } from '../../../db/vector-stores/vector-store-files.ts';
import type { Call } from '../../operation.ts';

type OfStoreFile = Call<'/vector_stores/{vector_store_id}/files/{file_id}', unknown, unknown>;

/** The file of a vector store that a request names. */
export function storeFilePath({
  project,
  ids,
}: Pick<OfStoreFile, 'project' | 'ids'>): StoreFilePath {
  return { projectId: project, storeId: ids.vector_store_id, fileId: ids.file_id };
}
