/** The text layer of a PDF, page by page. Scripts in it are never run, and nothing is drawn or decoded for show. */
import { getDocumentProxy } from 'unpdf';

import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';
import type { ParseLimits } from '../document.ts';

/** pdf.js stays quiet; it would write its warnings where the chunks go. */
const SETTINGS = { verbosity: 0, isEvalSupported: false, useSystemFonts: false, enableXfa: false };

/** A page that cannot be read is left out; a file without any text is an error. */
export async function* readPdf(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const pdf = await open(bytes);
  if (pdf.numPages > limits.pages) {
    throw new DocumentError(
      'invalid_file',
      `The file has ${pdf.numPages} pages, of which at most ${limits.pages} are read.`,
    );
  }
  let anything = false;
  for (let page = 1; page <= pdf.numPages; page += 1) {
    const text = await readPage(pdf, page);
    if (text.trim() === '') continue;
    anything = true;
    yield { text: `${text}\n\n`, page };
  }
  if (!anything) {
    throw new DocumentError(
      'invalid_file',
      'The PDF has no text: scanned pages need text recognition before they can be searched.',
    );
  }
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

async function open(bytes: Buffer): Promise<Pdf> {
  try {
    return await getDocumentProxy(
      new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
      SETTINGS,
    );
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    const message =
      name === 'PasswordException'
        ? 'The file is protected with a password.'
        : 'The file is not a PDF, or it is damaged.';
    throw new DocumentError('invalid_file', message);
  }
}

async function readPage(pdf: Pdf, number: number): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    return items
      .map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : ''))
      .join('');
  } catch (error) {
    // Out of memory is for the whole file.
    if (error instanceof RangeError) throw error;
    return '';
  }
}
