/** Threads with every resource, and messages with every kind of content. */
import type { MessageContentPartParam } from 'openai/resources/beta/threads/messages';

import { createFile } from '../../support/files.ts';
import { readAll, request } from './scene.ts';
import type { Scene } from './scene.ts';

export async function threads(scene: Scene): Promise<void> {
  const { client } = scene;
  const api = client.beta.threads;
  const fileId = await createFile(client);
  const store = await client.vectorStores.create({ name: 's' });
  const empty = await api.create();
  await api.messages.list(empty.id);
  const { id } = await api.create({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello.' }], metadata: { a: '1' } },
    ],
    metadata: { a: '1' },
    tool_resources: {
      code_interpreter: { file_ids: [fileId] },
      file_search: { vector_store_ids: [store.id] },
    },
  });
  await api.create({ tool_resources: { file_search: { vector_stores: [{ metadata: {} }] } } });
  await api.retrieve(id);
  await api.update(id, { metadata: null, tool_resources: { code_interpreter: { file_ids: [] } } });
  await api.update(id, { tool_resources: null });
  await messages(scene, id);
  await api.delete(id);
  await request(scene, 'GET', `/threads/${id}`);
  await request(scene, 'POST', '/threads', { messages: 'none' });
}

async function messages(scene: Scene, threadId: string): Promise<void> {
  const { client } = scene;
  const api = client.beta.threads.messages;
  const fileId = await createFile(client);
  const tools = [{ type: 'code_interpreter' as const }, { type: 'file_search' as const }];
  const content = await everyPart(scene);
  await api.create(threadId, { role: 'assistant', content: 'Yes?' });
  await api.create(threadId, { role: 'user', content, metadata: { a: '1' } });
  const { id } = await api.create(threadId, {
    role: 'user',
    content: 'Read this.',
    attachments: [{ file_id: fileId, tools }],
  });
  await api.retrieve(id, { thread_id: threadId });
  await api.update(id, { thread_id: threadId, metadata: { b: '2' } });
  const all = await readAll(api.list(threadId, { limit: 2 }));
  await api.list(threadId, { order: 'asc', before: all[1]!.id });
  await api.list(threadId, { run_id: 'run_none' });
  await api.delete(id, { thread_id: threadId });
  await request(scene, 'GET', `/threads/${threadId}/messages/${id}`);
  await request(scene, 'POST', `/threads/${threadId}/messages`, { role: 'tool', content: '' });
}

async function everyPart({ client }: Scene): Promise<MessageContentPartParam[]> {
  const file_id = await createFile(client, 'pixels', 'a.png', 'vision');
  const url = 'https://example.com/a.png';
  return [
    { type: 'text', text: 'Look.' },
    { type: 'image_file', image_file: { file_id } },
    { type: 'image_file', image_file: { file_id, detail: 'high' } },
    { type: 'image_url', image_url: { url } },
    { type: 'image_url', image_url: { url, detail: 'low' } },
  ];
}
