/**
 * Refuses a long JSON text before it is parsed. Ten megabytes hold millions of values, which take a second to make and a
 * moment to refuse: this stops at the first value that is too many.
 */
import { MAX_BODY_DEPTH, MAX_BODY_VALUES, tooDeep, tooManyValues } from './body.ts';
import { invalidRequest } from '../errors/errors.ts';
import type { ApiError } from '../errors/errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Our decision: each name that comes for the first time costs a microsecond. */
const MAX_BODY_FIELDS = 50_000;

/** Counts as the check of a parsed body does, where the text is sound JSON. @throws ApiError 400 */
export function checkJsonText(text: string): void {
  // Each value takes a character at least.
  if (text.length <= MAX_BODY_VALUES) return;
  const structure = /[[\]{},:"]/g;
  let [values, fields, depth] = [1, 0, 0];
  /** Of the newest bracket, while it is open: it counts for the first value in it. */
  let opened = -1;
  while (structure.test(text)) {
    const at = structure.lastIndex - 1;
    const character = text[at]!;
    if (character === '"') structure.lastIndex = endOfString(text, at) + 1;
    else if (character === ':') fields += 1;
    else if (character === ',') values += 1;
    else if (character === '[' || character === '{') [values, depth] = [values + 1, depth + 1];
    else {
      depth -= 1;
      if (opened !== -1 && text.slice(opened + 1, at).trim() === '') values -= 1;
    }
    opened = character === '[' || character === '{' ? at : -1;
    if (depth > MAX_BODY_DEPTH) throw tooDeep();
    if (values > MAX_BODY_VALUES + 1) throw tooManyValues();
    if (fields > MAX_BODY_FIELDS) throw tooManyFields();
  }
}

/** The place of the closing quote. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1);
  if (quote === -1) return text.length;
  if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) return at;
    if (character === BACKSLASH) at += 1;
  }
  return text.length;
}

const tooManyFields = (): ApiError =>
  invalidRequest(`Invalid request body: more than ${MAX_BODY_FIELDS} fields of objects.`, {
    code: 'invalid_value',
  });
