/** The content of a delta, which servers send as a text or as a list of parts. Pure. */
import { isObject } from '../opaque-fields.ts';

export type DeltaContent = { text: string; refusal: string };

/** Thinking, images and parts that nobody knows are left out. */
export function readContent(content: unknown, refusal: unknown): DeltaContent {
  const parts = Array.isArray(content) ? (content as unknown[]) : [content];
  return {
    text: parts.map(textOf).join(''),
    refusal: plain(refusal) + parts.map(refusalOf).join(''),
  };
}

const TEXT_TYPES: ReadonlySet<unknown> = new Set([undefined, 'text', 'output_text', 'text_delta']);

function textOf(part: unknown): string {
  if (!isObject(part)) return plain(part);
  if (!TEXT_TYPES.has(part['type'])) return '';
  const text = part['text'];
  return plain(isObject(text) ? text['value'] : text);
}

function refusalOf(part: unknown): string {
  return isObject(part) && part['type'] === 'refusal' ? plain(part['refusal']) : '';
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
