/** Bounds of JSON whose fields are free: each turn of a run walks the schemas of its functions and of its answer again. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import type { CustomProblem } from './zod-errors.ts';

type JsonSize = { bytes: number; values: number };

/** The value as a whole has at most so many bytes as JSON, and strings, numbers, arrays, objects and so on. */
export function atMost(size: JsonSize) {
  return (context: z.core.ParsePayload): void => {
    if (context.issues.length > 0) return;
    const expected = exceeded(context.value, size);
    if (expected === undefined) return;
    const text = `Invalid '{param}': too large. Expected at most ${expected}.`;
    const params: CustomProblem = { code: 'invalid_value', text };
    context.issues.push({ code: 'custom', params, path: [], input: context.value });
  };
}

/** The parameters of a function, or the schema of an answer. Model servers check the content. */
export const freeSchema = z.record(z.string(), z.unknown()).check(atMost(LIMITS.schemaJson));

/** What is expected, if the value has more of it. */
function exceeded(value: unknown, { bytes, values }: JsonSize): string | undefined {
  const seen = { units: 0, values: 0 };
  walk(value, seen);
  if (seen.values > values) return `${values} strings, numbers, arrays and objects`;
  const tooLarge = seen.units > bytes || Buffer.byteLength(JSON.stringify(value)) > bytes;
  return tooLarge ? `${bytes} bytes of JSON` : undefined;
}

/** A body is checked before: its depth has a bound. */
function walk(value: unknown, seen: { units: number; values: number }): void {
  seen.values += 1;
  if (typeof value === 'string') seen.units += value.length;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) seen.units += key.length;
    walk(inner, seen);
  }
}
