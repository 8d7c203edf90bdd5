/** A search of a vector store, and the filters of its files by their attributes. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import { decimal, integer, LIMITS, list, problem, text } from './fields.ts';

/** What a file's attribute is compared with. Values of different types are never equal, smaller or larger. */
export type AttributeValue = string | number | boolean;

type ComparisonFilter =
  | {
      type: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte';
      key: string;
      value: AttributeValue;
    }
  | { type: 'in' | 'nin'; key: string; value: AttributeValue[] };

export type Filter = ComparisonFilter | { type: 'and' | 'or'; filters: Filter[] };

export type Ranker = 'none' | 'auto' | 'default-2024-11-15';

export type SearchParams = {
  queries: string[];
  filters: Filter | null;
  max_num_results: number;
  ranker: Ranker;
  score_threshold: number;
};

const key = text(LIMITS.metadataKey, 1);
const value = z.union([text(LIMITS.metadataValue), z.number(), z.boolean()], {
  error: 'expected one of string, number, boolean',
});

const filter: z.ZodType<Filter> = z
  .lazy(() =>
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte']), key, value }),
      z.strictObject({
        type: z.enum(['in', 'nin']),
        key,
        value: z
          .array(value, { error: 'expected an array of strings, numbers or booleans' })
          .max(LIMITS.filterValues),
      }),
      z.strictObject({
        type: z.enum(['and', 'or']),
        filters: list(filter, 'objects', LIMITS.filterParts),
      }),
    ]),
  )
  .meta({ id: 'Filter' });

const query = text(LIMITS.searchQuery, 1);

export const searchVectorStoreSchema = z.strictObject({
  query: z.union([query, list(query, 'strings', LIMITS.searchQueries).min(1)], {
    error: 'expected one of string or array of strings',
  }),
  filters: filter
    .check((context) => {
      const parts = countParts(context.value, LIMITS.filterDepth);
      if (parts > LIMITS.filterParts) {
        problem(context, {
          code: 'invalid_value',
          text:
            `Invalid '{param}': too complex. Expected at most ${LIMITS.filterParts} comparisons and compounds, ` +
            `nested at most ${LIMITS.filterDepth} deep.`,
        });
      }
    })
    .nullish(),
  max_num_results: integer(1, LIMITS.searchResults).nullish(),
  ranking_options: z
    .strictObject({
      ranker: z.enum(['none', 'auto', 'default-2024-11-15']).nullish(),
      score_threshold: decimal(0, 1).nullish(),
    })
    .nullish(),
  rewrite_query: z.boolean().nullish(),
});

/** Infinite when it is nested too deep. */
function countParts(given: Filter, depth: number): number {
  if (depth === 0) return Infinity;
  if (given.type !== 'and' && given.type !== 'or') return 1;
  return given.filters.reduce((sum, part) => sum + countParts(part, depth - 1), 1);
}

/** `rewrite_query` changes nothing: there is no model behind a search, which takes queries as they are. */
export function parseSearchVectorStore(body: unknown): SearchParams {
  const given = parseBody(searchVectorStoreSchema, body);
  return {
    queries: typeof given.query === 'string' ? [given.query] : given.query,
    filters: given.filters ?? null,
    max_num_results: given.max_num_results ?? 10,
    ranker: given.ranking_options?.ranker ?? 'auto',
    score_threshold: given.ranking_options?.score_threshold ?? 0,
  };
}
