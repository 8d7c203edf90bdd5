import { Router } from 'express';

import { checkFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import type { NewMessage } from '../../db/messages.ts';
import { withTransaction } from '../../db/pool.ts';
import type { NewThread } from '../../db/threads.ts';
import { createThread, deleteThread, getThread, modifyThread } from '../../db/threads.ts';
import { invalidRequest } from '../../wire/errors.ts';
import { filesOfMessages, filesOfResources } from '../../wire/file-ids.ts';
import { checkId } from '../../wire/ids.ts';
import { toThread } from '../../wire/objects.ts';
import type {
  CreateMessageParams,
  CreateThreadParams,
  NewToolResources,
} from '../../wire/requests.ts';
import { defaultToolResources, parseCreateThread, parseModifyThread } from '../../wire/requests.ts';
import { countContentTokens } from '../../wire/tokens.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

export function threadRoutes({ pool, dispatcher }: ApiContext): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const fields = newThread(parseCreateThread(request.body), 'tool_resources');
    const { thread } = await once(pool, idempotencyOf(request, response), async (tx) => {
      await checkFiles(tx, projectOf(response), filesOfThread(fields));
      return { thread: await createThread(tx, projectOf(response), fields) };
    });
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
    await checkFiles(pool, projectOf(response), filesOfResources(change.tool_resources));
    response.json(await modifyThread(pool, projectOf(response), id, change));
  });

  router.delete('/:thread_id', async (request, response) => {
    const id = checkId('thread_id', request.params.thread_id);
    const delivery = await withTransaction(pool, (tx) => deleteThread(tx, projectOf(response), id));
    if (delivery !== null) dispatcher.dispatch(delivery);
    response.json({ id, object: 'thread.deleted', deleted: true });
  });

  return router;
}

/** A thread's fields as they are stored. @throws ApiError 400 for what this version cannot do yet */
export function newThread(params: CreateThreadParams, param: string): NewThread {
  refuseVectorStores(params.tool_resources, param);
  return {
    metadata: params.metadata,
    messages: params.messages.map(newMessage),
    tool_resources: defaultToolResources([], params.tool_resources),
  };
}

/** The files that a new thread names, in its messages and for its tools. */
export function filesOfThread({ messages, tool_resources }: NewThread): string[] {
  return [...filesOfMessages(messages), ...filesOfResources(tool_resources)];
}

export function newMessage(params: CreateMessageParams): NewMessage {
  return { ...params, tokens: countContentTokens(params.content) };
}

/** @throws ApiError 400: there are no vector stores to create yet */
export function refuseVectorStores(resources: NewToolResources, param: string): void {
  if (resources.file_search?.vector_stores === undefined) return;
  throw invalidRequest('This server cannot create vector stores yet.', {
    param: `${param}.file_search.vector_stores`,
    code: 'unsupported_value',
  });
}
