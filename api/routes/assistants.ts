import { Router } from 'express';

import {
  createAssistant,
  deleteAssistant,
  getAssistantRow,
  listAssistants,
  modifyAssistant,
} from '../../db/assistants.ts';
import { checkFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import { withTransaction } from '../../db/pool.ts';
import { createHelperStores } from '../../db/thread-stores.ts';
import { filesOfResources } from '../../wire/file-ids.ts';
import { checkId } from '../../wire/ids.ts';
import { toAssistant } from '../../wire/objects.ts';
import {
  defaultToolResources,
  parseCreateAssistant,
  parseListQuery,
  parseModifyAssistant,
} from '../../wire/requests.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

export function assistantRoutes({ dispatcher, pool }: ApiContext): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const params = parseCreateAssistant(request.body);
    const projectId = projectOf(response);
    const { assistant, deliveries } = await once(
      pool,
      idempotencyOf(request, response),
      async (tx) => {
        await checkFiles(tx, projectId, filesOfResources(params.tool_resources));
        const made = await createHelperStores(tx, projectId, params.tool_resources, null);
        const resources = defaultToolResources(params.tools, made.resources);
        const fields = { ...params, tool_resources: resources };
        return {
          assistant: await createAssistant(tx, projectId, fields),
          deliveries: made.deliveries,
        };
      },
    );
    for (const delivery of deliveries) dispatcher.dispatch(delivery);
    response.json(assistant);
  });

  router.get('/', async (request, response) => {
    response.json(await listAssistants(pool, projectOf(response), parseListQuery(request.query)));
  });

  router.get('/:assistant_id', async (request, response) => {
    const id = checkId('assistant_id', request.params.assistant_id);
    response.json(toAssistant(await getAssistantRow(pool, projectOf(response), id)));
  });

  router.post('/:assistant_id', async (request, response) => {
    const id = checkId('assistant_id', request.params.assistant_id);
    const change = parseModifyAssistant(request.body);
    const assistant = await withTransaction(pool, async (tx) => {
      // Only the files that are named now: others may have been deleted since.
      await checkFiles(tx, projectOf(response), filesOfResources(change.tool_resources));
      return modifyAssistant(tx, projectOf(response), id, (current) => {
        const next = { ...current, ...change };
        // The request names only the tools whose resources it replaces.
        const resources = { ...current.tool_resources, ...change.tool_resources };
        return { ...next, tool_resources: defaultToolResources(next.tools, resources) };
      });
    });
    response.json(assistant);
  });

  router.delete('/:assistant_id', async (request, response) => {
    const id = checkId('assistant_id', request.params.assistant_id);
    await withTransaction(pool, (tx) => deleteAssistant(tx, projectOf(response), id));
    response.json({ id, object: 'assistant.deleted', deleted: true });
  });

  return router;
}
