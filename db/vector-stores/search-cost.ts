/** What a search costs, known before it runs: one small request must not keep Postgres busy for long. */
import { searchTooExpensive } from '../../wire/errors/errors.ts';
import type { Filter } from '../../wire/requests/search.ts';

/** Comparisons of an attribute with a value, and chunks that a further query looks at: some 0.2 µs each. */
const MOST = 3_000_000;

/** One query without a filter is never refused, however large the stores. @throws ApiError 400 */
export function checkCost(
  { queries, filters }: { queries: readonly unknown[]; filters: Filter | null },
  { files, chunks }: { files: number; chunks: number },
): void {
  const comparisons = filters === null ? 0 : countComparisons(filters);
  const cost = comparisons * files + (queries.length - 1) * chunks;
  if (cost <= MOST) return;
  const parts = { queries: queries.length, chunks, comparisons, files };
  throw searchTooExpensive(cost, MOST, parts);
}

function countComparisons(filter: Filter): number {
  if ('filters' in filter) {
    return filter.filters.reduce((sum, part) => sum + countComparisons(part), 1);
  }
  return Array.isArray(filter.value) ? Math.max(1, filter.value.length) : 1;
}
