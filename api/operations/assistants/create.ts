import * as db from '../../../db/threads/assistants.ts';
import { checkFiles } from '../../../db/files/files.ts';
import { createHelperStores } from '../../../db/threads/thread-stores.ts';
import { assistant } from '../../../wire/answers.ts';
import { filesOfResources } from '../../../wire/requests/file-ids.ts';
import { createAssistantSchema } from '../../../wire/requests/assistants.ts';
import { defaultToolResources } from '../../../wire/requests/tools.ts';
import { operation } from '../../operation.ts';

export const createAssistant = operation({
  route: 'POST /assistants',
  stores: true,
  body: createAssistantSchema,
  answer: assistant,
  idempotent: true,
  async write({ tx, project, body }) {
    await checkFiles(tx, project, filesOfResources(body.tool_resources));
    const { resources, deliveries } = await createHelperStores(
      tx,
      project,
      body.tool_resources,
      null,
    );
    const tool_resources = defaultToolResources(body.tools, resources);
    return {
      object: await db.createAssistant(tx, project, { ...body, tool_resources }),
      deliveries,
    };
  },
});
