/** What became of each object, for a person and for scripts. */
const KINDS = ['files', 'vector stores', 'files in stores', 'assistants', 'threads', 'messages'];
export type Counted = (typeof KINDS)[number];

const OUTCOMES = ['copied', 'present', 'skipped', 'failed'] as const;
type Outcome = (typeof OUTCOMES)[number];

export type Report = ReturnType<typeof createReport>;

/** `secrets`: keys, which a server may repeat in its errors. */
export function createReport(secrets: string[]) {
  const counts: Record<Counted, Record<Outcome, number>> = {};
  const left_out: Record<string, number> = {};
  const reasons: { outcome: Outcome; kind: Counted; id: string; reason: string }[] = [];
  const redacted = (text: string) =>
    secrets.reduce((rest, key) => (key === '' ? rest : rest.replaceAll(key, '***')), text);
  return {
    counts,
    left_out,
    reasons,
    redacted,
    add(outcome: Outcome, kind: Counted, id: string, reason = ''): void {
      counts[kind] ??= { copied: 0, present: 0, skipped: 0, failed: 0 };
      counts[kind][outcome] += 1;
      if (reason !== '') reasons.push({ outcome, kind, id, reason: redacted(reason) });
    },
    /** A field that this server does not keep. */
    leaveOut(field: string): void {
      left_out[field] = (left_out[field] ?? 0) + 1;
    },
  };
}

export function textOf({ counts, left_out, reasons }: Report): string {
  const row = (name: string, cells: unknown[]) =>
    name.padEnd(15) + cells.map((cell) => String(cell).padStart(9)).join('');
  return [
    row('', [...OUTCOMES]),
    ...KINDS.flatMap((kind) => (counts[kind] ? [row(kind, Object.values(counts[kind]))] : [])),
    ...Object.entries(left_out).map(([field, count]) => `left out: ${field} (objects: ${count})`),
    ...reasons.map(({ outcome, kind, id, reason }) => `${outcome}: ${kind}, ${id}: ${reason}`),
  ].join('\n');
}
