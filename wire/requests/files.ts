/** Forms and bodies of the file and upload endpoints. A form's fields arrive as text; nested ones as `expires_after[seconds]` or with a dot. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import { integer, list, problem, text } from './fields.ts';
import { LIMITS } from './limits.ts';

export const purpose = z.enum(['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals']);

const expiresAfter = z.strictObject({
  anchor: z.literal('created_at'),
  seconds: integer(LIMITS.fileExpiryMin, LIMITS.fileExpiryMax),
});

const filename = text(LIMITS.filename, 1);

/** The form's file, as the parser of the form describes it: its content is stored by then. */
export const formFile = z.strictObject({ filename }, { error: 'expected a file' });

export const createFileSchema = z
  .strictObject({ file: formFile, purpose, expires_after: expiresAfter.optional() })
  .transform(({ file, ...given }) => withLifetime({ ...given, ...file }));

export const createUploadSchema = z
  .strictObject({
    filename,
    purpose,
    bytes: integer(1, LIMITS.maxBytes),
    mime_type: text(LIMITS.mimeType, 1),
    expires_after: expiresAfter.nullish(),
  })
  .transform(withLifetime);

export const addPartSchema = z.strictObject({
  data: z.object({}, { error: 'expected a file' }),
});

export const completeUploadSchema = z.strictObject({
  /** In the order of the content. */
  part_ids: list(text(LIMITS.fileId, 1), 'strings', LIMITS.uploadParts)
    .min(1)
    .check((context) => {
      const seen = new Set<string>();
      const twice = context.value.find((id) => seen.size === seen.add(id).size);
      if (twice === undefined) return;
      problem(context, {
        code: 'invalid_value',
        text: `Invalid '{param}': '${twice}' is named more than once.`,
      });
    }),
  md5: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/)
    .nullish()
    .transform((md5) => md5?.toLowerCase()),
});

type Lifetime = z.infer<typeof expiresAfter> | null | undefined;

/** In seconds. As published: files for batches live 30 days, the others until they are deleted. */
function withLifetime<Given extends { purpose: z.infer<typeof purpose>; expires_after?: Lifetime }>(
  given: Given,
): Omit<Given, 'expires_after'> & { expires_after: number | undefined } {
  const standard = given.purpose === 'batch' ? LIMITS.fileExpiryMax : undefined;
  return { ...given, expires_after: given.expires_after?.seconds ?? standard };
}

/** A form as it was read: its fields in order, and the name its file was given. */
export type Form = {
  fields: readonly (readonly [name: string, value: string])[];
  file: { filename: string | undefined } | undefined;
};

/** @throws ApiError 400. `fileField` is the name of the form's file. */
export function parseForm<T>(schema: z.ZodType<T>, form: Form, fileField: string): T {
  return parseBody(schema, formBody(form, fileField));
}

/** Later values of a repeated field win, as in a query string's object. Only what looks like a number becomes one. */
function formBody({ fields, file }: Form, fileField: string): unknown {
  const body = new Map<string, unknown>();
  for (const [name, value] of fields) {
    const nested = /^([^[\].]+)(?:\[([^[\]]+)\]|\.([^[\].]+))$/.exec(name);
    if (nested === null) {
      body.set(name, value);
      continue;
    }
    const [, outer = '', bracketed, inner = bracketed ?? ''] = nested;
    const held = body.get(outer);
    const entries = held instanceof Map ? held : new Map<string, unknown>();
    body.set(outer, entries.set(inner, /^-?\d{1,15}$/.test(value) ? Number(value) : value));
  }
  if (file !== undefined) body.set(fileField, { filename: file.filename });
  return Object.fromEntries(
    [...body].map(([name, value]) => [
      name,
      value instanceof Map ? Object.fromEntries(value) : value,
    ]),
  );
}
