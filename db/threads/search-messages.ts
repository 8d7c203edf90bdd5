/** Messages by their words. The index has them soon after they are stored. */
import { queryWords } from '../../retrieval/index.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { toMessage } from '../../wire/objects.ts';
import type { ListEnvelope, Message } from '../../wire/types.ts';
import type { ListQuery } from '../core/list-page.ts';
import { BY_PLACE, listPage } from '../core/list-page.ts';
import type { Queryable } from '../core/pool.ts';
import type { Age } from '../core/project-list.ts';
import { ofAge } from '../core/project-list.ts';
import { anyOf } from '../vector-stores/tsvector.ts';
import { MESSAGE_COLUMNS } from './messages.ts';

type MessageSearch = ListQuery & Age & { text: string; thread_id?: string | undefined };

const MOST_WORDS = 32;
const places = { kind: 'message', table: 'messages' } as const;

/**
 * The project's messages with all words of the text, newest first unless asked otherwise. A common word is found by reading the
 * newest messages, a rare one by the index of words: the planner knows how rare it is.
 */
export async function searchMessages(
  db: Queryable,
  project: ProjectId,
  asked: MessageSearch,
): Promise<ListEnvelope<Message>> {
  const words = queryWords(asked.text, project).slice(0, MOST_WORDS);
  const wanted = words.map(({ lexemes, isPrefix }) => `(${anyOf(lexemes, isPrefix)})`).join(' & ');
  const scope = {
    project_id: project,
    ...(asked.thread_id !== undefined && { thread_id: asked.thread_id }),
  };
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${Object.keys(scope).length + values.push(value)}`;
  const where = [
    `words @@ ${bind(wanted)}::tsquery`,
    ...ofAge('message', 'message_id', asked, bind),
  ];
  const index = {
    name: 'messages.search',
    columns: 'coalesce(copied_id, message_id) as id',
    table: 'searched_messages',
    scope,
    filter: { where: where.join(' and '), values },
    orderBy: 'message_id',
    rowBytes: '1',
    isPlannedAnew: true,
    places,
  } as const;
  const { data: ids, has_more } = await listPage(db, index, asked, ({ id }: { id: string }) => id);
  const page = await readFound(db, { project, ids }, asked);
  return { ...page, has_more: has_more || page.has_more };
}

/** As many as a page holds. */
async function readFound(
  db: Queryable,
  { project, ids }: { project: ProjectId; ids: string[] },
  page: ListQuery,
): Promise<ListEnvelope<Message>> {
  const source = {
    name: 'messages.found',
    columns: MESSAGE_COLUMNS,
    table: 'messages',
    scope: { project_id: project },
    filter: { where: 'id = any($2::text[])', values: [ids] },
    orderBy: BY_PLACE,
    places,
  } as const;
  return listPage(db, source, page, toMessage);
}
