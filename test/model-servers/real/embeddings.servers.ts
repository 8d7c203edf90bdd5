import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../../support/environment.ts';
import { storeWith, upload } from '../../support/stores.ts';
import type { ModelProcess } from './servers.ts';
import { startEmbeddings } from './servers.ts';

let server: ModelProcess;
let env: Environment;

beforeAll(async () => {
  server = await startEmbeddings();
  env = await Environment.start({
    config: {
      embeddingsBaseUrl: server.baseUrl,
      embeddingsModel: 'all-MiniLM-L6-v2',
      embeddingsDimensions: null,
    },
  });
});
afterAll(async () => {
  await env?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test('all-MiniLM-L6-v2 finds files that share no word with the question', async () => {
  const texts = {
    'cat.txt': 'The cat dozes on the sofa after its dinner.',
    'bank.txt': 'The central bank raised interest rates by half a point.',
    'pasta.txt': 'Boil spaghetti in salted water for nine minutes.',
  };
  const files = await Promise.all(
    Object.entries(texts).map(([name, text]) => upload(env.client, text, name)),
  );
  const store = await storeWith(env.client, files);
  const questions = {
    'cat.txt': 'sleepy kitten',
    'bank.txt': 'monetary policy',
    'pasta.txt': 'cooking noodles',
  };
  for (const [name, query] of Object.entries(questions)) {
    const { data } = await env.client.vectorStores.search(store, { query });
    expect(data[0]?.filename).toBe(name);
  }
});
