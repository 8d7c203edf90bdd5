/** SIGKILL of a worker at every step of an ingest. Whatever it had stored, the next one finishes it: nothing twice, nothing missing. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';
import { contentOf, expectSound, sentences, settled, upload } from '../support/stores.ts';

let env: ProcessEnvironment;
let embeddings: FakeEmbeddings;
let worker: OwnProcess;
beforeAll(async () => {
  [env, embeddings] = await Promise.all([ProcessEnvironment.start(), startFakeEmbeddings()]);
  await env.serveApi();
  worker = await startWorker();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

const startWorker = () =>
  env.startWorker({ settings: { EMBEDDINGS_BASE_URL: embeddings.baseUrl } });

/** More chunks than one slice has, so that every step occurs. */
const SMALL_CHUNKS = {
  type: 'static',
  static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 50 },
} as const;
const SENTENCES = 1_900;

async function ingest(about: string) {
  const text = sentences(SENTENCES, about);
  const fileId = await upload(env.client, text);
  const { id: storeId } = await env.client.vectorStores.create({ name: about });
  const chunking_strategy = SMALL_CHUNKS;
  await env.client.vectorStores.files.create(storeId, { file_id: fileId, chunking_strategy });
  return { text, fileId, storeId };
}

type Ingest = Awaited<ReturnType<typeof ingest>>;

async function expectIndexed({ text, fileId, storeId }: Ingest): Promise<void> {
  expect(await settled(env.client, storeId, fileId)).toMatchObject({ status: 'completed' });
  expect(await contentOf(env.client, storeId, fileId)).toBe(text);
  await expectSound(env.pool);
  const { rows } = await env.pool.query<{ chunks: number; codes: number }>(
    `select d.chunk_count as chunks, (select count(*) from chunk_codes c where c.store_file = f.seq) as codes
     from vector_store_files f join documents d on d.id = f.document_id where f.vector_store_id = $1`,
    [storeId],
  );
  expect(rows[0]!.chunks).toBeGreaterThan(512);
  expect(rows[0]!.codes).toBe(rows[0]!.chunks);
}

test.each([
  ['before the file has a document', 'documents.claim'],
  ['while chunks are stored', 'documents.store-chunks'],
  ['when the last chunk is stored', 'documents.finish-chunks'],
  ['before its first vector', 'documents.unembedded'],
  ['while vectors are stored', 'documents.store-vectors'],
  ['when every chunk has its vector', 'documents.finish-embedding'],
  ['while the file is committed', 'documents.complete-file'],
])('goes on after a worker was killed %s', async (_moment, statement) => {
  const proxy = env.proxies.workerToDatabase;
  const reached = proxy.holdRepliesAfter(statement);
  const file = await ingest(statement);
  await reached;
  await worker.kill();
  proxy.resume();
  worker = await startWorker();
  await expectIndexed(file);
});

test('embeds a chunk once when a worker dies between two slices', async () => {
  const before = embeddings.texts.length;
  const proxy = env.proxies.workerToDatabase;
  const file = await ingest('second slice');
  await eventually(async () => {
    const { rows } = await env.pool.query(
      'select from chunk_vectors v join chunks c on c.id = v.chunk_id ' +
        'join vector_store_files f on f.document_id = c.document_id where f.vector_store_id = $1',
      [file.storeId],
    );
    expect(rows.length).toBeGreaterThanOrEqual(512);
  });
  const reached = proxy.holdRepliesAfter('documents.finish-embedding');
  await reached;
  await worker.kill();
  proxy.resume();
  worker = await startWorker();
  await expectIndexed(file);
  const texts = embeddings.texts.slice(before);
  expect(new Set(texts).size).toBe(texts.length);
});

/** Requests that have this in a text stand still. `reached` once one of them has come. */
function stallTexts(words: string): { reached: Promise<unknown>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const come = Promise.withResolvers<void>();
  embeddings.trouble = ({ input }) => {
    if (!input.some((text) => text.includes(words))) return undefined;
    come.resolve();
    return { stall: promise };
  };
  return {
    reached: come.promise,
    release: () => {
      embeddings.trouble = undefined;
      resolve();
    },
  };
}

test('two workers killed one after the other while they embed one document embed each part once more', async () => {
  const before = embeddings.texts.length;
  let stalled = stallTexts('Sentence 0 of the twice');
  const file = await ingest('twice');
  for (const next of [`Sentence ${SENTENCES - 1} of the twice`, undefined]) {
    await stalled.reached;
    await worker.kill();
    stalled.release();
    if (next !== undefined) stalled = stallTexts(next);
    worker = await startWorker();
  }
  await expectIndexed(file);
  const times = new Map<string, number>();
  for (const text of embeddings.texts.slice(before)) times.set(text, (times.get(text) ?? 0) + 1);
  const { rows } = await env.pool.query<{ chunks: number; id: string }>(
    `select d.chunk_count as chunks, f.vector_store_id || ':' || f.file_id || ':' || f.seq as id
     from vector_store_files f join documents d on d.id = f.document_id where f.vector_store_id = $1`,
    [file.storeId],
  );
  expect(times.size).toBe(rows[0]!.chunks);
  expect(Math.max(...times.values())).toBe(2);
  const history = await env.temporal.workflow.getHandle(rows[0]!.id).fetchHistory();
  const attempts = (history.events ?? []).flatMap(
    ({ activityTaskStartedEventAttributes: started }) => (started ? [started.attempt] : []),
  );
  // Cutting, and the two parts.
  expect(attempts).toEqual([1, 2, 2]);
});

test.each(['documents.store-chunks', 'documents.store-vectors', 'documents.complete-file'])(
  'goes on when the connection breaks in the middle of %s',
  async (statement) => {
    const proxy = env.proxies.workerToDatabase;
    const reached = proxy.holdRepliesAfter(statement);
    const file = await ingest(`broken ${statement}`);
    await reached;
    proxy.cut();
    proxy.resume();
    await expectIndexed(file);
    expect(worker.running).toBe(true);
  },
);

test('goes on when the database was away', async () => {
  const proxy = env.proxies.workerToDatabase;
  const reached = proxy.holdRepliesAfter('documents.store-chunks');
  const file = await ingest('away');
  await reached;
  proxy.refuse();
  proxy.resume();
  const { rows } = await env.pool.query<{ id: string }>(
    `select vector_store_id || ':' || file_id || ':' || seq as id from vector_store_files where vector_store_id = $1`,
    [file.storeId],
  );
  await eventually(async () => {
    const { raw } = await env.temporal.workflow.getHandle(rows[0]!.id).describe();
    expect(raw.pendingActivities?.[0]?.attempt).toBeGreaterThanOrEqual(2);
  });
  proxy.accept();
  await expectIndexed(file);
});

test('two workers share a batch, and one that dies leaves its files to the other', async () => {
  const other = await env.startWorker({
    direct: true,
    settings: { EMBEDDINGS_BASE_URL: embeddings.baseUrl },
  });
  const ids = await Promise.all(
    Array.from({ length: 16 }, (_, n) => upload(env.client, sentences(5, `pier ${n}`), `${n}.txt`)),
  );
  const { id } = await env.client.vectorStores.create({ name: 'shared' });
  const batch = await env.client.vectorStores.fileBatches.create(id, { file_ids: ids });
  const counts = async () =>
    (await env.client.vectorStores.fileBatches.retrieve(batch.id, { vector_store_id: id }))
      .file_counts;
  await eventually(async () => expect((await counts()).completed).toBeGreaterThan(0));
  await other.kill();
  await eventually(async () => expect((await counts()).completed).toBe(16));
  await expectSound(env.pool);
});
