import { Router } from 'express';

import { checkFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import {
  createMessage,
  deleteMessage,
  getMessage,
  listMessages,
  modifyMessage,
} from '../../db/messages.ts';
import { withTransaction } from '../../db/pool.ts';
import { getThread } from '../../db/threads.ts';
import { filesOfMessages } from '../../wire/file-ids.ts';
import { checkId } from '../../wire/ids.ts';
import {
  parseCreateMessage,
  parseListMessagesQuery,
  parseModifyMessage,
} from '../../wire/requests.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';
import { newMessage } from './threads.ts';

/** Mounted under /threads/:thread_id/messages. */
export function messageRoutes({ dispatcher, pool }: ApiContext): Router {
  const router = Router({ mergeParams: true });
  const threadOf = (params: object) =>
    checkId('thread_id', (params as { thread_id: string }).thread_id);

  router.post('/', async (request, response) => {
    const threadId = threadOf(request.params);
    const fields = newMessage(parseCreateMessage(request.body));
    const made = await once(pool, idempotencyOf(request, response), async (tx) => {
      await checkFiles(tx, projectOf(response), filesOfMessages([fields]));
      return createMessage(tx, projectOf(response), threadId, fields);
    });
    for (const delivery of made.deliveries) dispatcher.dispatch(delivery);
    response.json(made.message);
  });

  router.get('/', async (request, response) => {
    const threadId = threadOf(request.params);
    const page = parseListMessagesQuery(request.query);
    await getThread(pool, projectOf(response), threadId);
    response.json(await listMessages(pool, projectOf(response), threadId, page));
  });

  router.get('/:message_id', async (request, response) => {
    const id = checkId('message_id', request.params.message_id);
    response.json(await getMessage(pool, projectOf(response), threadOf(request.params), id));
  });

  router.post('/:message_id', async (request, response) => {
    const id = checkId('message_id', request.params.message_id);
    const { metadata } = parseModifyMessage(request.body);
    response.json(
      await withTransaction(pool, (tx) =>
        modifyMessage(tx, projectOf(response), threadOf(request.params), id, metadata),
      ),
    );
  });

  router.delete('/:message_id', async (request, response) => {
    const id = checkId('message_id', request.params.message_id);
    await withTransaction(pool, (tx) =>
      deleteMessage(tx, projectOf(response), threadOf(request.params), id),
    );
    response.json({ id, object: 'thread.message.deleted', deleted: true });
  });

  return router;
}
