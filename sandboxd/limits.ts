/** What a worker asks for, where that is below what this server allows. */
import type { Limits } from '../sandbox/backend.ts';

const MAX_CHARACTERS = 4_096;

/** `header` is JSON in the form of `max`; whatever is not a positive number there counts as not asked for. */
export function limitsWithin(max: Limits, header: string | string[] | undefined): Limits {
  const given = parse(header);
  const entries = Object.entries(max).map(([name, most]): [string, number] => {
    const wanted = given[name];
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
