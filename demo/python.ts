/** Puts a Python program together: a comment that says what it does, functions of python/*.py, and a call of them. */
import { readFileSync } from 'node:fs';

export function program(comment: string, files: string[], ...calls: string[]): string {
  const urls = files.map((name) => new URL(`python/${name}.py`, import.meta.url));
  const functions = urls.map((url) => readFileSync(url, 'utf8'));
  return `# ${comment.replaceAll('\n', ' ')}\n${functions.join('\n\n')}\n\n${calls.join('\n')}\n`;
}

/** Texts and lists of texts are written alike in Python and in JSON. */
export const literal = (value: string | string[]) => JSON.stringify(value);
