/**
 * The half of a search that goes by meaning: the chunks whose bit codes are nearest are ranked by their vectors. Codes are
 * all read, so that filters cost no result and nothing needs to be built.
 */
import type { VectorStoreId } from '../../wire/ids.ts';
import { cosine, toCode } from '../../retrieval/index.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { Candidate, SearchScope } from './search-scope.ts';

/** Best first by cosine, at most `limit`, of the `nearest` codes of each store. */
export async function searchVectors(
  db: Queryable,
  scope: SearchScope,
  vector: Float32Array,
  nearest: number,
): Promise<Candidate[]> {
  const code = toCode(vector);
  const stores = await Promise.all(
    scope.vectorStoreIds.map((id) => readNearest(db, scope, id, { code, nearest })),
  );
  return stores
    .flat()
    .map(({ chunk_id, store_file, embedding }) => ({
      chunkId: chunk_id,
      storeFile: store_file,
      score: cosine(vector, toFloats(embedding)),
    }))
    .sort((a, b) => b.score - a.score || a.chunkId - b.chunkId || a.storeFile - b.storeFile);
}

type NearestRow = { chunk_id: number; store_file: number; embedding: Buffer };

/** Codes of another length are those of another model. As a condition that would hide from the planner how much there is to read. */
async function readNearest(
  db: Queryable,
  { projectId, files }: SearchScope,
  storeId: VectorStoreId,
  { code, nearest }: { code: string; nearest: number },
): Promise<NearestRow[]> {
  const filtered = files !== null;
  return query<NearestRow>(
    db,
    filtered ? 'search.by-meaning-filtered' : 'search.by-meaning',
    `with nearest as (
       select c.chunk_id, c.store_file, case when length(c.code) = length($3::bit varying)
         then bit_count(c.code # $3::bit varying) end as distance
       from chunk_codes c
       where c.vector_store_id = $1 and exists (select from vector_stores s where s.id = $1 and s.project_id = $2)
         ${filtered ? 'and c.store_file in (select unnest($5::bigint[]))' : ''}
       order by distance, c.chunk_id, c.store_file limit $4)
     select n.chunk_id, n.store_file, v.embedding from nearest n join chunk_vectors v using (chunk_id)
     where n.distance is not null`,
    [storeId, projectId, code, nearest, ...(filtered ? [files] : [])],
  );
}

/** Little-endian on every platform that Node runs on. */
function toFloats(bytes: Buffer): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
