/** An embeddings endpoint that is configured, or changed, when files have been indexed already. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { passNow } from '../support/operator.ts';
import { expectSound, sentences, settled, upload } from '../support/stores.ts';

let env: Environment;
let embeddings: FakeEmbeddings;
beforeAll(async () => {
  [env, embeddings] = await Promise.all([Environment.start(), startFakeEmbeddings()]);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

async function restartWorkerWith(settings: Partial<Environment['config']>): Promise<void> {
  await env.worker!.close();
  Object.assign(env.config, settings);
  await env.startWorker();
  await passNow(env.pool);
}

async function models(): Promise<Record<string, number>> {
  const { rows } = await env.pool.query<{ model: string; n: number }>(
    `select coalesce(embedded_with, 'none') as model, count(*)::int as n from documents group by 1`,
  );
  return Object.fromEntries(rows.map(({ model, n }) => [model, n]));
}

test('what is stored is embedded later, and again when the model changes', async () => {
  const names = ['a', 'b', 'c'];
  const ids = await Promise.all(names.map((name) => upload(env.client, sentences(40, name))));
  const one = await env.client.vectorStores.create({ name: 'one', file_ids: ids });
  const two = await env.client.vectorStores.create({ name: 'two', file_ids: ids.slice(0, 1) });
  for (const id of ids) await settled(env.client, one.id, id);
  await settled(env.client, two.id, ids[0]!);
  expect(await models()).toEqual({ none: 3 });
  const before = (await env.client.vectorStores.retrieve(one.id)).usage_bytes;

  await restartWorkerWith({ embeddingsBaseUrl: embeddings.baseUrl });
  await eventually(async () => expect(await models()).toEqual({ 'text-embedding-3-large/256': 3 }));
  await expectSound(env.pool);
  expect((await env.client.vectorStores.retrieve(one.id)).usage_bytes).toBeGreaterThan(before);
  const asked = embeddings.texts.length;
  const three = await env.client.vectorStores.create({ name: 'three', file_ids: ids });
  for (const id of ids) await settled(env.client, three.id, id);
  expect(embeddings.texts.length).toBe(asked);
  await expectSound(env.pool);

  await restartWorkerWith({ embeddingsModel: 'other', embeddingsDimensions: 64 });
  await eventually(async () => expect(await models()).toEqual({ 'other/64': 3 }));
  await expectSound(env.pool);
  const { rows } = await env.pool.query(
    'select distinct octet_length(embedding) as n from chunk_vectors',
  );
  expect(rows).toEqual([{ n: 256 }]);
});
