import * as db from '../../../db/vector-stores/vector-store-files.ts';
import { deletion } from '../../operation.ts';

export const deleteVectorStoreFile = deletion({
  route: 'DELETE /vector_stores/{vector_store_id}/files/{file_id}',
  object: 'vector_store.file.deleted',
  erase: ({ tx, project, ids }) => db.removeFile(tx, project, ids.vector_store_id, ids.file_id),
});
