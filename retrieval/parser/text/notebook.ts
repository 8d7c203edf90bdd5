/** Jupyter notebooks: prose as it is, code in fences, and what it printed. */
import { stripVTControlCharacters } from 'node:util';

import type { Piece } from '../../chunk-text.ts';
import { DocumentError } from '../../document.ts';
import { decodeText } from './decode.ts';

type Fields = Record<string, unknown>;

/** Holds the whole file in memory, which the parser's memory limit bounds. */
export async function* readNotebook(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let source = '';
  for await (const part of decodeText(bytes)) source += part;
  const notebook = parse(source);
  // Before 2014 cells were in worksheets.
  const sheets = [notebook, ...list(notebook['worksheets'])];
  for (const cell of sheets.flatMap(({ cells }) => list(cells))) {
    yield { text: `${cellText(cell)}\n\n` };
  }
}

function parse(source: string): Fields {
  try {
    const notebook: unknown = JSON.parse(source);
    if (isFields(notebook)) return notebook;
  } catch {
    // The error below covers other values too.
  }
  throw new DocumentError('invalid_file', 'The file is not a Jupyter notebook.');
}

function cellText(cell: Fields): string {
  const source = joined(cell['source'] ?? cell['input']);
  if (cell['cell_type'] === 'heading') return `${'#'.repeat(Number(cell['level']) || 1)} ${source}`;
  if (cell['cell_type'] !== 'code') return source;
  const outputs = list(cell['outputs']).map(outputText).filter(Boolean);
  return [`\`\`\`\n${source}\n\`\`\``, ...outputs].join('\n\n');
}

function outputText(output: Fields): string {
  const data = isFields(output['data']) ? output['data'] : output;
  const error = output['ename'];
  const text =
    typeof error === 'string'
      ? `${error}: ${joined(output['evalue'])}`
      : joined(data['text/markdown'] ?? data['text/plain'] ?? output['text']);
  return stripVTControlCharacters(text);
}

/** A text is a string or a list of strings. */
function joined(value: unknown): string {
  if (Array.isArray(value)) return value.map(joined).join('');
  return typeof value === 'string' ? value : '';
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
