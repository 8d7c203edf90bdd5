import * as db from '../../../db/threads/assistants.ts';
import { deletion } from '../../operation.ts';

export const deleteAssistant = deletion({
  route: 'DELETE /assistants/{assistant_id}',
  object: 'assistant.deleted',
  erase: ({ tx, project, ids }) => db.deleteAssistant(tx, project, ids.assistant_id),
});
