import { getAssistantRow } from '../../../db/threads/assistants.ts';
import { assistant } from '../../../wire/answers.ts';
import { toAssistant } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const getAssistant = operation({
  route: 'GET /assistants/{assistant_id}',
  answer: assistant,
  read: async ({ pool, project, ids }) =>
    toAssistant(await getAssistantRow(pool, project, ids.assistant_id)),
});
