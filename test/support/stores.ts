/** What tests of vector stores have in common: texts, files, and what must hold of the database at any time. */
import type OpenAI from 'openai';
import { toFile } from 'openai';
import { expect, vi } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import type { Environment } from './environment.ts';

/** `count` numbered sentences: every one of them is found once in a text. */
export function sentences(count: number, about = 'harbour'): string {
  return Array.from(
    { length: count },
    (_, n) => `Sentence ${n} of the ${about} says that ship ${n * 7} came in.`,
  ).join('\n');
}

export async function upload(
  client: OpenAI,
  content: string | Buffer,
  name = 'notes.txt',
): Promise<string> {
  const file = await toFile(Buffer.from(content), name);
  return (await client.files.create({ file, purpose: 'assistants' })).id;
}

export const NO_FILES = { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 };

/** A store whose files are settled. */
export async function storeWith(client: OpenAI, fileIds: string[]): Promise<string> {
  const store = await client.vectorStores.create({ name: 'Harbour', file_ids: fileIds });
  for (const id of fileIds) await settled(client, store.id, id);
  return store.id;
}

/** Waits for the end of a file's ingest. A killed worker's step is found out after ten seconds. */
export function settled(
  client: OpenAI,
  storeId: string,
  fileId: string,
): Promise<OpenAI.VectorStores.VectorStoreFile> {
  return vi.waitFor(
    async () => {
      const file = await client.vectorStores.files.retrieve(fileId, { vector_store_id: storeId });
      expect(file.status).not.toBe('in_progress');
      return file;
    },
    { timeout: 120_000, interval: 50 },
  );
}

export const postJson = (env: Environment, path: string, body: unknown): Promise<Response> =>
  env.fetch(`/v1${path}`, { method: 'POST', body: JSON.stringify(body) });

export async function countRows(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`select count(*)::int as n from ${table}`);
  return rows[0]!.n;
}

/** The whole of what was indexed. */
export async function contentOf(client: OpenAI, storeId: string, fileId: string): Promise<string> {
  const page = await client.vectorStores.files.content(fileId, { vector_store_id: storeId });
  return page.data.map(({ text }) => text).join('');
}

/**
 * No chunk doubled, missing or left behind: whole documents have their ordinals from 0 on, every document has a user, every
 * completed file of an embedded document has one code per chunk, and nothing else has any.
 */
export async function expectSound(pool: Pool): Promise<void> {
  const { rows } = await pool.query<Record<string, string>>(
    `select
      (select count(*) from documents d where d.chunk_count is not null and d.chunk_count <> (
        select count(*) from chunks c where c.document_id = d.id and c.ordinal < d.chunk_count)) as incomplete,
      (select count(*) from chunks c join documents d on d.id = c.document_id
        where c.ordinal >= d.chunk_count) as surplus,
      (select count(*) from documents d where not exists (
        select from vector_store_files f where f.document_id = d.id)) as unused,
      (select count(*) from documents d where d.embedded_with is not null and d.chunk_count <> (
        select count(*) from chunks c join chunk_vectors v on v.chunk_id = c.id where c.document_id = d.id)) as unembedded,
      (select count(*) from vector_store_files f join documents d on d.id = f.document_id
        where f.status = 'completed' and (case when d.embedded_with is null then 0 else d.chunk_count end) <> (
        select count(*) from chunk_codes c where c.vector_store_id = f.vector_store_id and c.store_file = f.seq)) as miscoded,
      (select count(*) from chunk_codes c where not exists (select from vector_store_files f
        where f.vector_store_id = c.vector_store_id and f.seq = c.store_file and f.status = 'completed')) as stray,
      (select count(*) from vector_store_files f where f.status <> 'completed' and f.usage_bytes <> 0) as charged`,
  );
  expect(rows[0]).toEqual({
    incomplete: 0,
    surplus: 0,
    unused: 0,
    unembedded: 0,
    miscoded: 0,
    stray: 0,
    charged: 0,
  });
}
