/** A search of a vector store, and the filters of its files by their attributes. */
import { z } from 'zod';
import { decimal, integer, list, or, problem, text } from './fields.ts';
import { LIMITS } from './limits.ts';

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

/** `rewrite_query` changes nothing: a search has no model behind it and takes queries as they are. */
export const searchVectorStoreSchema = z
  .strictObject({
    query: z
      .union([query, list(query, 'strings', LIMITS.searchQueries).min(1)], {
        error: 'expected one of string or array of strings',
      })
      .transform((given) => (typeof given === 'string' ? [given] : given)),
    filters: or(filter.check(checkComplexity), null),
    max_num_results: or(integer(1, LIMITS.searchResults), 10),
    ranking_options: or(
      z.strictObject({
        ranker: or(z.enum(['none', 'auto', 'default-2024-11-15']), 'auto'),
        score_threshold: or(decimal(0, 1), 0),
      }),
      { ranker: 'auto', score_threshold: 0 } as const,
    ),
    rewrite_query: z.boolean().nullish(),
  })
  .transform(({ query: queries, filters, max_num_results, ranking_options }) => ({
    queries,
    filters,
    max_num_results,
    ...ranking_options,
  }));
export type Ranker = z.infer<typeof searchVectorStoreSchema>['ranker'];

function checkComplexity(context: z.core.ParsePayload<Filter>): void {
  if (countParts(context.value, LIMITS.filterDepth) <= LIMITS.filterParts) return;
  problem(context, {
    code: 'invalid_value',
    text:
      `Invalid '{param}': too complex. Expected at most ${LIMITS.filterParts} comparisons and compounds, ` +
      `nested at most ${LIMITS.filterDepth} deep.`,
  });
}

/** Infinite when it is nested too deep. */
function countParts(given: Filter, depth: number): number {
  if (depth === 0) return Infinity;
  if (given.type !== 'and' && given.type !== 'or') return 1;
  return given.filters.reduce((sum, part) => sum + countParts(part, depth - 1), 1);
}
