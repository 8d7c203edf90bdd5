/** Reads Prometheus's text format. */
export type Sample = { name: string; labels: Record<string, string>; value: number };

export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (parts === null) return [];
    const [, name = '', inside = '', value = ''] = parts;
    const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
      key,
      text,
    ]);
    const number = value === '+Inf' ? Infinity : Number(value);
    return [{ name, labels: Object.fromEntries(labels) as Record<string, string>, value: number }];
  });
}

/** Of all series with these labels. */
export function sumOf(samples: Sample[], name: string, labels: Record<string, string> = {}) {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}
