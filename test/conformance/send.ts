/** Bodies as the operations take them. */
import { form } from '../support/forms.ts';
import type { FormPart } from '../support/forms.ts';
import type { Operation } from './description.ts';
import { idFor } from './samples.ts';

/** Parts that are files; every other part of a form is a field. */
const FILE_PARTS: readonly string[] = ['file', 'data'];

/** Undefined is no body. */
export function initOf({ method, request }: Operation, body?: unknown): RequestInit {
  if (body === undefined) return { method };
  if (request?.contentType === 'multipart/form-data') {
    return { method, ...form(...partsOf(body as object)) };
  }
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function partsOf(value: object, prefix = ''): FormPart[] {
  return Object.entries(value).flatMap(([key, field]: [string, unknown]): FormPart[] => {
    const name = prefix === '' ? key : `${prefix}[${key}]`;
    if (typeof field === 'object' && field !== null) return partsOf(field, name);
    const part = { name, content: String(field) };
    const isFile = FILE_PARTS.includes(name) && typeof field === 'string';
    return field === undefined || field === null
      ? []
      : [isFile ? { ...part, filename: 'a.txt' } : part];
  });
}

/** The path with ids of objects that are not there, or with `ids`. */
export const pathOf = ({ path }: Operation, ids: Readonly<Record<string, string>> = {}): string =>
  `/v1${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? idFor(name) ?? 'none')}`;
