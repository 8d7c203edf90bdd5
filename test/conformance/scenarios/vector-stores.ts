/** Vector stores, their files and batches in every status, and searches with every option. */
import { readAll, emptyProject, request } from './scene.ts';
import type { Scene } from './scene.ts';
import { settled, storeWith, upload } from '../../support/stores.ts';

const STATIC = {
  type: 'static' as const,
  static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 },
};

export async function vectorStores(scene: Scene): Promise<void> {
  const { client, env } = scene;
  const api = client.vectorStores;
  const fileId = await upload(client, 'The blue fish eat moss.');
  await api.create({});
  const { id } = await api.create({
    name: 'S',
    description: 'D',
    metadata: { a: '1' },
    file_ids: [fileId],
    chunking_strategy: STATIC,
    expires_after: { anchor: 'last_active_at', days: 1 },
  });
  await settled(client, id, fileId);
  await api.retrieve(id);
  await api.update(id, { name: null, metadata: null });
  await env.pool.query(
    'update vector_stores set last_active_at = last_active_at - 86400 where id = $1',
    [id],
  );
  await api.retrieve(id);
  await request(scene, 'POST', `/vector_stores/${id}`, { name: 'T' });
  const all = await readAll(api.list({ limit: 2 }));
  await api.list({ order: 'asc', before: all[1]!.id });
  await (await emptyProject(scene)).vectorStores.list();
  await api.delete(id);
  await request(scene, 'GET', `/vector_stores/${id}`);
  await request(scene, 'POST', '/vector_stores', { name: 1 });
}

export async function vectorStoreFiles(scene: Scene): Promise<void> {
  const { client } = scene;
  const api = client.vectorStores.files;
  const names = ['a.txt', 'b.zip', 'c.txt'];
  const ids: string[] = [];
  for (const name of names) ids.push(await upload(client, `Text of ${name}.`, name));
  const vector_store_id = await storeWith(client, ids);
  const [fileId] = ids as [string];
  const attributes = { year: 1912, quay: 'north', open: true };
  await api.update(fileId, { vector_store_id, attributes });
  await api.content(fileId, { vector_store_id });
  await api.retrieve(fileId, { vector_store_id });
  await readAll(api.list(vector_store_id, { limit: 2 }));
  for (const filter of ['in_progress', 'completed', 'failed', 'cancelled'] as const) {
    await api.list(vector_store_id, { filter, order: 'asc' });
  }
  await search(scene, vector_store_id);
  await api.delete(fileId, { vector_store_id });
  const path = `/vector_stores/${vector_store_id}/files`;
  await request(scene, 'GET', `${path}/${fileId}`);
  await request(scene, 'GET', `${path}/${ids[1]}/content`);
  const chunking_strategy = STATIC;
  await api.createAndPoll(vector_store_id, { file_id: fileId, attributes, chunking_strategy });
  await request(scene, 'POST', path, { file_id: 'file-none' });
}

async function search(scene: Scene, storeId: string): Promise<void> {
  const api = scene.client.vectorStores;
  await api.search(storeId, { query: 'text' });
  await api.search(storeId, {
    query: ['text', 'ship'],
    filters: {
      type: 'or',
      filters: [
        { type: 'eq', key: 'quay', value: 'north' },
        { type: 'and', filters: [{ type: 'gte', key: 'year', value: 1900 }] },
      ],
    },
    max_num_results: 50,
    ranking_options: { ranker: 'default-2024-11-15', score_threshold: 0 },
    rewrite_query: true,
  });
  await api.search(storeId, { query: 'text', ranking_options: { ranker: 'none' } });
  await api.search(storeId, { query: 'x', filters: { type: 'eq', key: 'quay', value: 'south' } });
  await request(scene, 'POST', `/vector_stores/${storeId}/search`, {});
}

export async function fileBatches(scene: Scene): Promise<void> {
  const { client, embeddings } = scene;
  const api = client.vectorStores.fileBatches;
  const [good, bad] = [await upload(client, 'Good.'), await upload(client, 'PK', 'bad.zip')];
  const { id: storeId } = await client.vectorStores.create({ name: 's' });
  const done = await api.createAndPoll(storeId, {
    files: [{ file_id: good, attributes: { a: 1 }, chunking_strategy: STATIC }],
  });
  await readAll(api.listFiles(done.id, { vector_store_id: storeId, limit: 1 }));
  await api.createAndPoll(storeId, { file_ids: [bad] });

  const stalled = Promise.withResolvers<void>();
  embeddings.trouble = ({ input }) =>
    input.some((text) => text.includes('Slow')) ? { stall: stalled.promise } : undefined;
  const slow = await upload(client, 'Slow.');
  const batch = await api.create(storeId, { file_ids: [slow] });
  await client.vectorStores.retrieve(storeId);
  await api.retrieve(batch.id, { vector_store_id: storeId });
  await api.cancel(batch.id, { vector_store_id: storeId });
  await api.listFiles(batch.id, { vector_store_id: storeId, filter: 'cancelled' });
  await api.listFiles(batch.id, { vector_store_id: storeId, filter: 'failed' });
  stalled.resolve();
  await request(scene, 'GET', `/vector_stores/${storeId}/file_batches/vsfb_none`);
  await request(scene, 'POST', `/vector_stores/${storeId}/file_batches`, { file_ids: [] });
}
