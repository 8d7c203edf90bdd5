/**
 * The words that searches find chunks by, made by `retrieval/words`. Chunks of earlier rules are indexed again, document by
 * document; until then a search looks for their lexemes too.
 */
import { setImmediate } from 'node:timers/promises';

import { toTsvector, WORD_RULES } from '../../retrieval/index.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { query, withQuickTransaction } from '../core/pool.ts';

/** Whose it is, and how words become lexemes: stemmed for prose, as they are for code. */
type Words = { project_id: ProjectId; words: 'english' | 'simple' };

/** One chunk takes a millisecond or two: between them the event loop has its turn. */
export async function wordsOfChunks(
  { project_id: scope, words }: Words,
  chunks: readonly { headings: string[]; tableHeader: string | null; text: string }[],
): Promise<string[]> {
  const made: string[] = [];
  for (const { headings, tableHeader, text } of chunks) {
    const searched = [...headings, tableHeader ?? '', text].join('\n');
    made.push(toTsvector(searched, { scope, isProse: words === 'english' }));
    await setImmediate();
  }
  return made;
}

const FORMER = 'd.chunk_count is not null and d.word_rules < $1';

/** Documents with words of earlier rules, by id. */
export async function listFormer(
  db: Queryable,
  after: number,
  limit: number,
): Promise<(Words & { id: number })[]> {
  return query<Words & { id: number }>(
    db,
    'documents.list-former',
    `select d.id, d.project_id, d.words from documents d where ${FORMER} and d.id > $2 order by d.id limit $3`,
    [WORD_RULES, after, limit],
  );
}

export async function countFormer(db: Queryable): Promise<number> {
  const rows = await query<{ count: number }>(
    db,
    'documents.count-former',
    `select count(*) from documents d where ${FORMER}`,
    [WORD_RULES],
  );
  return rows[0]!.count;
}

/** Indexes the next chunks of a document by the present rules. False: there were none, and the document has these rules. */
export async function indexChunksAgain(
  pool: Pool,
  document: Words & { id: number },
  limit: number,
): Promise<boolean> {
  const chunks = await query<{
    id: number;
    headings: string[];
    tableHeader: string | null;
    text: string;
  }>(
    pool,
    'documents.former-chunks',
    'select id, headings, table_header as "tableHeader", text from chunks where document_id = $1 and word_rules < $2 order by ordinal limit $3',
    [document.id, WORD_RULES, limit],
  );
  if (chunks.length === 0) {
    await query(
      pool,
      'documents.words-are-new',
      'update documents set word_rules = $2 where id = $1 and chunk_count is not null and word_rules < $2',
      [document.id, WORD_RULES],
    );
    return false;
  }
  const words = await wordsOfChunks(document, chunks);
  await withQuickTransaction(pool, (tx) =>
    query(
      tx,
      'documents.store-words',
      `update chunks c set tsv = w.words::tsvector, word_rules = $3
       from unnest($1::bigint[], $2::text[]) w(id, words) where c.id = w.id and c.word_rules < $3`,
      [chunks.map(({ id }) => id), words, WORD_RULES],
    ),
  );
  return true;
}
