/** JSON that every json and jsonb column takes. */
import { storable } from '../../wire/text.ts';

/** How JSON.stringify writes NUL and half of a surrogate pair. A literal backslash before one only costs a second look. */
const SUSPECT = /\\u(?:0000|d[89a-f])/i;

/** The JSON text of `value`, without what Postgres cannot store: content from outside must never fail a transaction. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  return SUSPECT.test(text) ? JSON.stringify(clean(value)) : text;
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [storable(key), clean(entry)]),
  );
}
