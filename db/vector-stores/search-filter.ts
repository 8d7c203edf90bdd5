/**
 * Filters by attributes as one jsonpath with variables: a statement that filters has the same text whatever the filter, and
 * what clients send are parameters. Every comparison stands in a filter expression of its own, so that one between
 * different types, or with an attribute that a file has not, is false and its negation true.
 */
import type { AttributeValue, Filter } from '../../wire/requests/search.ts';

export type CompiledFilter = {
  /** For `jsonb_path_exists(attributes, path, variables)`. Null: everything passes. */
  path: string | null;
  variables: string;
};

const OPERATORS = { eq: '==', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

export function compileFilter(filter: Filter | null): CompiledFilter {
  if (filter === null) return { path: null, variables: '{}' };
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
