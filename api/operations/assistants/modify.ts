import * as db from '../../../db/threads/assistants.ts';
import { checkFiles } from '../../../db/files/files.ts';
import { assistant } from '../../../wire/answers.ts';
import { filesOfResources } from '../../../wire/requests/file-ids.ts';
import { modifyAssistantSchema } from '../../../wire/requests/assistants.ts';
import { defaultToolResources } from '../../../wire/requests/tools.ts';
import { operation } from '../../operation.ts';

export const modifyAssistant = operation({
  route: 'POST /assistants/{assistant_id}',
  body: modifyAssistantSchema,
  answer: assistant,
  async write({ tx, project, ids, body }) {
    // Only the files that are named now: others may have been deleted since.
    await checkFiles(tx, project, filesOfResources(body.tool_resources));
    const object = await db.modifyAssistant(tx, project, ids.assistant_id, (current) => {
      const next = { ...current, ...body };
      // The request names only the tools whose resources it replaces.
      const resources = { ...current.tool_resources, ...body.tool_resources };
      return { ...next, tool_resources: defaultToolResources(next.tools, resources) };
    });
    return { object };
  },
});
