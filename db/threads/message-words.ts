/** The words that messages are found by. Making them takes too long for the request or the turn that stores a message. */
import { setImmediate } from 'node:timers/promises';

import { lexemesOf } from '../../retrieval/index.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { textsOf } from '../../wire/tokens.ts';
import type { MessageContent } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import type { Pool } from '../core/pool.ts';
import { query, withQuickTransaction } from '../core/pool.ts';

type Unindexed = { id: string; project: ProjectId; content: MessageContent[] | null };

/** Characters that are cut into words without a pause for the event loop. */
const PIECE = 4_000;
const LONGEST_WORD = 100;
/** Of a piece without spaces, the next has these again: words of one to three characters lie across the cut. */
const OVERLAP = 8;
/** PostgreSQL takes at most 1 MiB of words. Those of a longer text are not all found. */
const MOST_BYTES = 700_000;

/** Indexes the next messages, newest first. Returns how many there were. Several workers share the work. */
export async function indexMessages(pool: Pool, limit: number): Promise<number> {
  return withQuickTransaction(pool, async (tx) => {
    const waiting = await query<Unindexed>(
      tx,
      'message-words.waiting',
      `select q.message_id as id, q.project_id as project, m.content
       from unindexed_messages q left join messages m on m.id = q.message_id
       order by q.message_id desc limit $1 for update of q skip locked`,
      [limit],
    );
    if (waiting.length === 0) return 0;
    const words: string[] = [];
    for (const message of waiting) words.push(toJson(await wordsOf(message)));
    // A message that is being deleted is waited for, and then not there.
    await query(
      tx,
      'message-words.store',
      `with indexed as (delete from unindexed_messages where message_id = any($1::text[]))
       insert into message_words (project_id, message_id, copied_id, thread_id, created_at, words)
       select m.project_id, coalesce(m.list_place, m.id), case when m.list_place is not null then m.id end, m.thread_id,
         m.created_at, array_to_tsvector(array(select jsonb_array_elements_text(w.words::jsonb)))
       from unnest($1::text[], $2::text[]) w(id, words) join messages m on m.id = w.id for key share of m
       on conflict (project_id, message_id) do update set words = excluded.words`,
      [waiting.map(({ id }) => id), words],
    );
    return waiting.length;
  });
}

async function wordsOf({ project, content }: Unindexed): Promise<string[]> {
  const words = new Set<string>();
  let bytes = 0;
  for (const text of textsOf(content ?? [])) {
    for (const piece of piecesOf(text)) {
      for (const word of lexemesOf(piece, project)) {
        if (words.has(word)) continue;
        bytes += Buffer.byteLength(word);
        if (bytes > MOST_BYTES) return [...words];
        words.add(word);
      }
      await setImmediate();
    }
  }
  return [...words];
}

function* piecesOf(text: string): Generator<string> {
  let at = 0;
  for (; text.length - at > PIECE;) {
    const piece = text.slice(at, at + PIECE);
    const space = Math.max(piece.lastIndexOf(' '), piece.lastIndexOf('\n'));
    const isBetweenWords = space >= PIECE - LONGEST_WORD;
    yield isBetweenWords ? piece.slice(0, space) : piece;
    at += isBetweenWords ? space : PIECE - OVERLAP;
  }
  yield text.slice(at);
}
