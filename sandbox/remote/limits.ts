/** The lower of two sides' limits. */
import type { Limits } from '../backend.ts';

const MAX_CHARACTERS = 4_096;

/** `header` has limits as JSON. Those that are not positive numbers do not count. */
export function limitsWithin(max: Limits, header: string | string[] | undefined): Limits {
  const other = parse(header);
  const entries = Object.entries(max).map(([name, most]): [string, number] => {
    const wanted = other[name];
    const usable = typeof wanted === 'number' && Number.isFinite(wanted) && wanted > 0;
    return [name, usable ? Math.min(wanted, most) : most];
  });
  return Object.fromEntries(entries) as Limits;
}

function parse(header: string | string[] | undefined): Record<string, unknown> {
  if (typeof header !== 'string' || header.length > MAX_CHARACTERS) return {};
  try {
    return { ...(JSON.parse(header) as object) };
  } catch {
    return {};
  }
}
