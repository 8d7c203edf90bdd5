/** Forms and bodies of the file and upload endpoints. A form's fields arrive as text; nested ones as `expires_after[seconds]` or with a dot. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import { integer, LIMITS, list, problem, text } from './fields.ts';

export const purpose = z.enum(['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals']);

const expiresAfter = z.strictObject({
  anchor: z.literal('created_at'),
  seconds: integer(LIMITS.fileExpiryMin, LIMITS.fileExpiryMax),
});

const filename = text(LIMITS.filename, 1);

/** What the form's file is for the parser: its content is stored by then. */
const formFile = z.strictObject({ filename }, { error: 'expected a file' });

export const createFileSchema = z.strictObject({
  file: formFile,
  purpose,
  expires_after: expiresAfter.optional(),
});

export const createUploadSchema = z.strictObject({
  filename,
  purpose,
  bytes: integer(1, LIMITS.maxBytes),
  mime_type: text(LIMITS.mimeType, 1),
  expires_after: expiresAfter.nullish(),
});

export const addPartSchema = z.strictObject({
  data: z.strictObject({}, { error: 'expected a file' }),
});

export const completeUploadSchema = z.strictObject({
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
    .nullish(),
});

export type CreateFileParams = {
  filename: string;
  purpose: z.infer<typeof purpose>;
  /** Seconds; undefined: never. */
  expires_after: number | undefined;
};

export type CreateUploadParams = CreateFileParams & { bytes: number; mime_type: string };

export type CompleteUploadParams = {
  /** In the order of the content. */
  part_ids: string[];
  /** Lower-case hexadecimal. */
  md5: string | undefined;
};

/** A form as it was read: its fields in order, and the name its file was given. */
export type Form = {
  fields: readonly (readonly [name: string, value: string])[];
  file: { filename: string | undefined } | undefined;
};

export function parseCreateFile(form: Form): CreateFileParams {
  const given = parseBody(
    createFileSchema,
    formBody(form, 'file', form.file && { filename: form.file.filename }),
  );
  return {
    filename: given.file.filename,
    purpose: given.purpose,
    expires_after: lifetime(given.purpose, given.expires_after),
  };
}

/** @throws ApiError 400 unless the form is a file named `data` and nothing else */
export function parseAddPart(form: Form): void {
  parseBody(addPartSchema, formBody(form, 'data', form.file && {}));
}

export function parseCreateUpload(body: unknown): CreateUploadParams {
  const { expires_after, ...given } = parseBody(createUploadSchema, body);
  return { ...given, expires_after: lifetime(given.purpose, expires_after) };
}

export function parseCompleteUpload(body: unknown): CompleteUploadParams {
  const { part_ids, md5 } = parseBody(completeUploadSchema, body);
  return { part_ids, md5: md5?.toLowerCase() };
}

/** As published: files for batches live 30 days, the others until they are deleted. */
function lifetime(
  of: z.infer<typeof purpose>,
  given: z.infer<typeof expiresAfter> | null | undefined,
): number | undefined {
  return given?.seconds ?? (of === 'batch' ? LIMITS.fileExpiryMax : undefined);
}

/** Later values of a repeated field win, as in a query string's object. Only what looks like a number becomes one. */
function formBody(form: Form, fileField: string, file: object | undefined): unknown {
  const body = new Map<string, unknown>();
  for (const [name, value] of form.fields) {
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
  if (file !== undefined) body.set(fileField, file);
  return Object.fromEntries(
    [...body].map(([name, value]) => [
      name,
      value instanceof Map ? Object.fromEntries(value) : value,
    ]),
  );
}
