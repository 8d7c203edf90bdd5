import * as db from '../../../db/vector-stores/vector-stores.ts';
import { deletion } from '../../operation.ts';

export const deleteVectorStore = deletion({
  route: 'DELETE /vector_stores/{vector_store_id}',
  object: 'vector_store.deleted',
  erase: ({ tx, project, ids }) => db.deleteVectorStore(tx, project, ids.vector_store_id),
});
