/**
 * Filters by attributes as one jsonpath with variables: a statement that filters has the same text whatever the filter, and
 * what clients send are parameters. Every comparison stands in a filter expression of its own, so that one between
 * different types, or with an attribute that a file has not, is false and its negation true.
 */
import type { ProjectId } from '../../wire/ids.ts';
import type { AttributeValue, Filter } from '../../wire/requests/search.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** For `jsonb_path_exists(attributes, path, variables)`. */
type CompiledFilter = { path: string; variables: string };

const OPERATORS = { eq: '==', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** The seqs of the stores' files that pass. A filter may have thousands of values: a search evaluates it once, for all of its queries. */
export async function filterFiles(
  db: Queryable,
  projectId: ProjectId,
  storeIds: readonly string[],
  filter: Filter,
): Promise<number[]> {
  const { path, variables } = compileFilter(filter);
  const rows = await query<{ seq: number }>(
    db,
    'search.filter',
    `select f.seq from vector_store_files f where f.vector_store_id = any($1::text[]) and f.project_id = $2
       and f.status = 'completed' and jsonb_path_exists(f.attributes, $3::jsonpath, $4::jsonb)`,
    [storeIds, projectId, path, variables],
  );
  return rows.map(({ seq }) => seq);
}

export function compileFilter(filter: Filter): CompiledFilter {
  const variables: Record<string, AttributeValue | AttributeValue[]> = {};
  const path = `$ ? (${condition(filter, variables)})`;
  return { path, variables: JSON.stringify(variables) };
}

function condition(
  filter: Filter,
  variables: Record<string, AttributeValue | AttributeValue[]>,
): string {
  switch (filter.type) {
    case 'and':
    case 'or':
      return compound(filter.type, filter.filters, variables);
    case 'ne':
      return `!(${condition({ ...filter, type: 'eq' }, variables)})`;
    case 'nin':
      return `!(${condition({ ...filter, type: 'in' }, variables)})`;
    default: {
      const name = `v${Object.keys(variables).length}`;
      variables[name] = filter.value;
      const compared =
        filter.type === 'in' ? `== $${name}[*]` : `${OPERATORS[filter.type]} $${name}`;
      // A quoted key is written with the escapes of a JSON string.
      return `exists(@.${JSON.stringify(filter.key)} ? (@ ${compared}))`;
    }
  }
}

/** Of no filters: all of them hold, and none does. */
function compound(
  type: 'and' | 'or',
  filters: readonly Filter[],
  variables: Record<string, AttributeValue | AttributeValue[]>,
): string {
  if (filters.length === 0) return type === 'and' ? '1 == 1' : '1 == 0';
  const parts = filters.map((part) => `(${condition(part, variables)})`);
  return parts.join(type === 'and' ? ' && ' : ' || ');
}
