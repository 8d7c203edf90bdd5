/**
 * Fields of an answer that mean something only to the server that sent them, such as `reasoning_content` (DeepSeek),
 * `reasoning_details` (OpenRouter) and `extra_content` (Gemini). Within a tool loop that server wants them back. Pure.
 */
export type OpaqueFields = Record<string, unknown>;

type Indexed = { index: number } & OpaqueFields;

/** Adds a delta's fields, but for those in `known`, to what came before: texts join, lists grow, objects merge. */
export function mergeOpaque(
  fields: OpaqueFields,
  delta: OpaqueFields,
  known: ReadonlySet<string>,
): void {
  for (const [key, value] of Object.entries(delta)) {
    if (known.has(key) || value === null || value === undefined || key === '__proto__') continue;
    fields[key] = merge(fields[key], value);
  }
}

const IDENTITY = new Set(['id', 'type', 'index', 'format', 'name', 'signature']);

function merge(before: unknown, value: unknown, key = ''): unknown {
  if (typeof before === 'string' && typeof value === 'string') {
    return IDENTITY.has(key) ? value : before + value;
  }
  if (Array.isArray(before) && Array.isArray(value)) {
    const merged = [...(before as unknown[])];
    for (const entry of value) addEntry(merged, entry);
    return merged;
  }
  if (isObject(before) && isObject(value)) {
    const merged: OpaqueFields = { ...before };
    for (const [name, entry] of Object.entries(value)) {
      merged[name] = merge(merged[name], entry, name);
    }
    return merged;
  }
  return value ?? before;
}

/** Entries of one `index` are pieces of one entry. */
function addEntry(list: unknown[], entry: unknown): void {
  const at = hasIndex(entry)
    ? list.findIndex((known) => hasIndex(known) && known.index === entry.index)
    : -1;
  if (at === -1) list.push(entry);
  else list[at] = merge(list[at], entry);
}

function hasIndex(value: unknown): value is Indexed {
  return isObject(value) && typeof value['index'] === 'number';
}

export function isObject(value: unknown): value is OpaqueFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
