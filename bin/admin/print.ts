/** Tables for people. */

/** The first row has the heads. */
function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Columns are named for the fields of the rows. */
export function tableOf(rows: readonly object[], names = Object.keys(rows[0] ?? {})): string {
  const cells = rows.map((row) => names.map((name) => textOf(name, Reflect.get(row, name))));
  return columns([names.map((name) => name.toUpperCase()), ...cells]);
}

export function day(time: number | null): string {
  return time === null ? '' : new Date(time * 1_000).toISOString().slice(0, 10);
}

function textOf(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && /_(at|time)$/.test(name)) {
    return new Date(value * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number);
}
