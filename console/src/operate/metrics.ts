/** Reads the figures that the status page shows from the API's metrics, in Prometheus's text format. */

export type Sample = { labels: Record<string, string>; value: number };
export type Latency = { count: number; failed: number; p50: number; p95: number };

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Samples by the name of their metric. */
export function parseMetrics(text: string): Map<string, Sample[]> {
  const families = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(LABEL)].map(([, key, text]) => [key!, text!]);
    const sample = { labels: Object.fromEntries(pairs) as Sample['labels'], value: Number(value) };
    families.set(name, [...(families.get(name) ?? []), sample]);
  }
  return families;
}

const HTTP = 'http_server_request_duration_seconds';

/** The requests of each operation, the busiest first. Streams last as long as their runs. */
export function operationsOf(families: Map<string, Sample[]>): [string, Latency][] {
  const named = (suffix: string) =>
    Map.groupBy(
      (families.get(`${HTTP}_${suffix}`) ?? []).filter(
        ({ labels }) => labels['threadmill_stream'] !== 'true',
      ),
      ({ labels }) => labels['threadmill_operation'] ?? '',
    );
  const buckets = named('bucket');
  // Requests for pages and their files belong to no operation.
  return [...named('count')]
    .filter(([operation]) => operation !== 'none')
    .map(([operation, samples]): [string, Latency] => {
      const failures = samples.filter(({ labels }) =>
        labels['http_response_status_code']?.startsWith('5'),
      );
      const below = buckets.get(operation) ?? [];
      const at = (part: number) => percentile(below, part);
      return [
        operation,
        { count: sum(samples), failed: sum(failures), p50: at(0.5), p95: at(0.95) },
      ];
    })
    .toSorted(([, one], [, other]) => other.count - one.count);
}

export const sum = (samples: Sample[] = []) =>
  samples.reduce((total, { value }) => total + value, 0);

/** The upper bound, in seconds, of the bucket that holds the percentile. */
export function percentile(buckets: Sample[], part: number): number {
  const counts = new Map<number, number>();
  for (const { labels, value } of buckets) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  const bounds = [...counts].toSorted(([one], [other]) => one - other);
  const all = counts.get(Infinity) ?? 0;
  return bounds.find(([, below]) => below >= all * part)?.[0] ?? 0;
}
