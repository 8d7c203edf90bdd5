/**
 * Files into a vector store: how many documents a second settle from the batch's request on, the first time and when their
 * chunks are known, with one worker and an embeddings server that answers at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

import { startFakeEmbeddings } from '../test/support/fake-embeddings.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { startStack } from './stack.ts';
import { seeded, zipfWords } from './vectors.ts';

const FILES = 300;
/** About three chunks. */
const WORDS = 1_000;
const POLL_MS = 100;
const AT_ONCE = 8;

export async function ingestBench(): Promise<void> {
  await using embeddings = await startFakeEmbeddings();
  const env = { EMBEDDINGS_BASE_URL: embeddings.baseUrl };
  const stack = await startStack({ env });
  try {
    const client = new OpenAI({ baseURL: stack.api.baseUrl, apiKey: stack.api.apiKey });
    const ids = await upload(client);
    progress(`${FILES} files are uploaded`);
    const fresh = await ingest(client, ids);
    const texts = embeddings.texts.length;
    const known = await ingest(client, ids);
    if (embeddings.texts.length > texts) throw new Error('A known document was embedded again.');
    const rows = [
      ['new', fixed(FILES / fresh), fixed(texts / fresh)],
      ['known', fixed(FILES / known), fixed(texts / known)],
    ];
    printTable(`${FILES} files of ${WORDS} words`, ['', 'files/s', 'chunks/s'], rows);
    await writeResult('ingest', stack, { files: FILES, words: WORDS, chunks: texts, fresh, known });
  } finally {
    await stack.stop();
  }
}

async function upload(client: OpenAI): Promise<string[]> {
  const random = seeded(7);
  const texts = Array.from({ length: FILES }, () => zipfWords(random, WORDS).join(' '));
  const ids: string[] = [];
  for (let at = 0; at < FILES; at += AT_ONCE) {
    const made = texts.slice(at, at + AT_ONCE).map(async (text, n) => {
      const file = await toFile(Buffer.from(text), `${at + n}.md`);
      return (await client.files.create({ file, purpose: 'assistants' })).id;
    });
    ids.push(...(await Promise.all(made)));
  }
  return ids;
}

/** Seconds until every file of a new store is completed. */
async function ingest(client: OpenAI, ids: string[]): Promise<number> {
  const store = await client.vectorStores.create({});
  const started = performance.now();
  const batch = await client.vectorStores.fileBatches.create(store.id, { file_ids: ids });
  for (;;) {
    const { status, file_counts } = await client.vectorStores.fileBatches.retrieve(batch.id, {
      vector_store_id: store.id,
    });
    if (file_counts.failed > 0) throw new Error(`${file_counts.failed} files failed.`);
    if (status === 'completed') return (performance.now() - started) / 1_000;
    await sleep(POLL_MS);
  }
}
