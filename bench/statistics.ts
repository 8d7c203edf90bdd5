/** Quantiles, and ratios with an interval. Pure. */

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * q;
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export type Interval = { median: number; low: number; high: number };

const RESAMPLES = 10_000;

/** The median of the rounds' values with a 95 % bootstrap interval; the resampling is seeded, so it repeats. */
export function medianWithInterval(values: readonly number[]): Interval {
  const random = seededRandom(values.length);
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)]!)),
  );
  return {
    median: median(values),
    low: quantile(medians, 0.025),
    high: quantile(medians, 0.975),
  };
}

export type Spread = { p50: number; p95: number; p99: number; n: number };

export function spread(values: readonly number[]): Spread {
  return {
    p50: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    p99: quantile(values, 0.99),
    n: values.length,
  };
}

export function seededRandom(seed: number): () => number {
  let state = (seed + 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
