/**
 * Places of objects in lists that they have left. They are stored by the statement that removes the object, so that the
 * object or its place can always be found.
 */
import type { Queryable } from './pool.ts';
import { query } from './pool.ts';

/** Lists that objects can leave. */
export type ListName =
  | 'assistants'
  | 'files'
  | 'vector_stores'
  | 'messages'
  | 'runs'
  | 'vector_store_files'
  | 'file_batch_files';

/** Days that a client has to ask for the next page. */
const KEPT_DAYS = 7;

/** SQL: stores the places of the objects in `gone (id, …)`. `owner` and `place` are columns of it, or expressions. */
export function keepPlaces(list: ListName, owner: string, place = 'null::bigint'): string {
  const column = place === 'list_place' ? 'named_place' : 'place';
  return `insert into list_places (list, owner, id, ${column})
    select '${list}', ${owner}, id, ${place} from gone where ${owner} is not null
    on conflict (list, owner, id) do update set ${column} = excluded.${column}, left_at = excluded.left_at`;
}

export async function deleteOldPlaces(db: Queryable): Promise<void> {
  await query(
    db,
    'list-places.delete-old',
    `delete from list_places where left_at < clock_timestamp() - interval '${KEPT_DAYS} days'`,
  );
}
