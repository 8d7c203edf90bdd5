/** Words of documents that were indexed by earlier rules. Searches find these meanwhile by the words that they have. */
import {
  countFormer,
  indexChunksAgain,
  listFormer,
} from '../../db/vector-stores/document-words.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import type { ActivityDependencies } from '../dependencies.ts';

/** Documents of one activity, and chunks of one transaction. */
const DOCUMENTS = 32;
const CHUNKS = 64;

/** `last` null: there is nothing left after `after`. */
export type IndexedPart = { last: number | null; left: number };

/** Indexes the next documents again. What an attempt has stored, the next one leaves out. */
export async function indexDocuments(
  { pool }: ActivityDependencies,
  after: number,
  signal: AbortSignal,
): Promise<IndexedPart> {
  const documents = await inWholeDatabase(() => listFormer(pool, after, DOCUMENTS));
  for (const document of documents) {
    const indexSome = () => indexChunksAgain(pool, document, CHUNKS);
    while (await inProject(document.project_id, indexSome)) signal.throwIfAborted();
  }
  return {
    last: documents.at(-1)?.id ?? null,
    left: await inWholeDatabase(() => countFormer(pool)),
  };
}
