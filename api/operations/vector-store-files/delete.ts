import * as db from '../../../db/vector-stores/vector-store-files.ts';
import { deletion } from '../../operation.ts';
import { storeFilePath } from './store-file-path.ts';

export const deleteVectorStoreFile = deletion({
  route: 'DELETE /vector_stores/{vector_store_id}/files/{file_id}',
  object: 'vector_store.file.deleted',
  erase: (call) => db.removeFile(call.tx, storeFilePath(call)),
});
