import * as db from '../../../db/files/files.ts';
import { deletion } from '../../operation.ts';

export const deleteFile = deletion({
  route: 'DELETE /files/{file_id}',
  object: 'file',
  erase: ({ tx, project, ids }) => db.deleteFile(tx, project, ids.file_id),
});
