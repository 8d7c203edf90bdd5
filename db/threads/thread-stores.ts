/** Vector stores that come with something else: the `vector_stores` helper, and the attachments of messages. */
import type { ProjectId, ThreadId, VectorStoreId } from '../../wire/ids.ts';
import { attachedFor } from '../../wire/requests/file-ids.ts';
import type { NewToolResources } from '../../wire/requests/tools.ts';
import { newVectorStoreFiles } from '../../wire/requests/vector-stores.ts';
import type { MessageAttachment, ToolResources } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { found } from '../core/read-by-id.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { addFiles } from '../vector-stores/vector-store-files.ts';
import { createVectorStore, existingStores } from '../vector-stores/vector-stores.ts';

/** Stores of threads expire so many days after their last use; those of assistants do not. */
export const THREAD_STORE_DAYS = 7;

const NEW_STORE = { name: null, description: null, metadata: {} };

/** Makes the stores that the helper asks for. The resources then name them, and the helper is gone. */
export async function createHelperStores(
  tx: Tx,
  projectId: ProjectId,
  resources: NewToolResources,
  expiresAfterDays: number | null,
): Promise<{ resources: NewToolResources; deliveries: Delivery[] }> {
  const { vector_store_ids: given = [], vector_stores: helpers = [] } = resources.file_search ?? {};
  if (helpers.length === 0) return { resources, deliveries: [] };
  const ids = [...given];
  const deliveries: Delivery[] = [];
  for (const { file_ids, chunking_strategy, metadata } of helpers) {
    const store = { ...NEW_STORE, metadata, expires_after_days: expiresAfterDays };
    const id = await createVectorStore(tx, projectId, store);
    const files = newVectorStoreFiles(file_ids, chunking_strategy);
    deliveries.push(...(await addFiles(tx, { projectId, storeId: id }, files)));
    ids.push(id);
  }
  return { resources: { ...resources, file_search: { vector_store_ids: ids } }, deliveries };
}

/**
 * Adds the files that messages bring for file_search to the thread's store, which is made for the first of them.
 * @throws ApiError 404; 400 for an expired or full store
 */
export async function addAttachments(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
  messages: readonly { attachments: MessageAttachment[] }[],
): Promise<Delivery[]> {
  const attachments = messages.flatMap((message) => message.attachments);
  const fileIds = attachedFor('file_search', attachments);
  if (fileIds.length === 0) return [];
  const storeId = await threadStore(tx, projectId, threadId);
  return addFiles(tx, { projectId, storeId }, newVectorStoreFiles(fileIds, undefined));
}

/** The thread is locked: two messages do not make two stores. */
async function threadStore(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
): Promise<VectorStoreId> {
  const rows = await query<{ tool_resources: ToolResources }>(
    tx,
    'thread-stores.lock-thread',
    'select tool_resources from threads where id = $1 and project_id = $2 for no key update',
    [threadId, projectId],
  );
  const { tool_resources: resources } = found(rows[0], 'thread', threadId);
  const named = resources.file_search?.vector_store_ids ?? [];
  const [known] = await existingStores(tx, projectId, named);
  if (known !== undefined) return known;
  const store = { ...NEW_STORE, expires_after_days: THREAD_STORE_DAYS };
  const id = await createVectorStore(tx, projectId, store);
  await query(
    tx,
    'thread-stores.name',
    `update threads set tool_resources = tool_resources || jsonb_build_object('file_search',
       jsonb_build_object('vector_store_ids', jsonb_build_array($2::text))) where id = $1`,
    [threadId, id],
  );
  return id;
}
