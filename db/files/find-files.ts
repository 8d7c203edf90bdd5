/** Files that a run refers to by id, which may have been deleted since. */
import type { ProjectId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** `content` is null when the file was deleted or has expired. */
export type FoundFile = {
  id: string;
  content: { filename: string; bytes: number; blobId: number } | null;
};

type Row = { id: string; filename: string | null; bytes: number | null; blob_id: number | null };

/** In the order of `ids`. */
export async function findFiles(
  db: Queryable,
  projectId: ProjectId,
  ids: string[],
): Promise<FoundFile[]> {
  if (ids.length === 0) return [];
  const rows = await query<Row>(
    db,
    'find-files.read',
    `select given.id, f.filename, f.bytes, f.blob_id
     from unnest($2::text[]) with ordinality as given(id, place)
     left join files f on f.id = given.id and f.project_id = $1 and (f.expires_at is null or f.expires_at > unix_now())
     order by place`,
    [projectId, ids],
  );
  return rows.map(({ id, filename, bytes, blob_id: blobId }) => ({
    id,
    content:
      filename === null || bytes === null || blobId === null ? null : { filename, bytes, blobId },
  }));
}
