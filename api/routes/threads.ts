import { Router } from 'express';

import { checkFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import type { NewMessage } from '../../db/messages.ts';
import { withTransaction } from '../../db/pool.ts';
import type { NewThread } from '../../db/threads.ts';
import { createThread, deleteThread, getThread, modifyThread } from '../../db/threads.ts';
import { filesOfMessages, filesOfResources } from '../../wire/file-ids.ts';
import { checkId } from '../../wire/ids.ts';
import { toThread } from '../../wire/objects.ts';
import type { CreateMessageParams, CreateThreadParams } from '../../wire/requests.ts';
import { parseCreateThread, parseModifyThread } from '../../wire/requests.ts';
import { countContentTokens } from '../../wire/tokens.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

export function threadRoutes({ pool, dispatcher }: ApiContext): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const fields = newThread(parseCreateThread(request.body));
    const { thread, deliveries } = await once(
      pool,
      idempotencyOf(request, response),
      async (tx) => {
        await checkFiles(tx, projectOf(response), filesOfThread(fields));
        return createThread(tx, projectOf(response), fields);
      },
    );
    for (const delivery of deliveries) dispatcher.dispatch(delivery);
    response.json(toThread(thread));
  });

  router.get('/:thread_id', async (request, response) => {
    response.json(
      await getThread(pool, projectOf(response), checkId('thread_id', request.params.thread_id)),
    );
  });

  router.post('/:thread_id', async (request, response) => {
    const id = checkId('thread_id', request.params.thread_id);
    const change = parseModifyThread(request.body);
    const thread = await withTransaction(pool, async (tx) => {
      await checkFiles(tx, projectOf(response), filesOfResources(change.tool_resources));
      return modifyThread(tx, projectOf(response), id, change);
    });
    response.json(thread);
  });

  router.delete('/:thread_id', async (request, response) => {
    const id = checkId('thread_id', request.params.thread_id);
    const delivery = await withTransaction(pool, (tx) => deleteThread(tx, projectOf(response), id));
    if (delivery !== null) dispatcher.dispatch(delivery);
    response.json({ id, object: 'thread.deleted', deleted: true });
  });

  return router;
}

/** A thread's fields, with what is to be made together with it. */
export function newThread(params: CreateThreadParams): NewThread {
  return { ...params, messages: params.messages.map(newMessage) };
}

/** The files that a new thread names, in its messages and for its tools. */
export function filesOfThread({ messages, tool_resources }: NewThread): string[] {
  return [...filesOfMessages(messages), ...filesOfResources(tool_resources)];
}

export function newMessage(params: CreateMessageParams): NewMessage {
  return { ...params, tokens: countContentTokens(params.content) };
}
