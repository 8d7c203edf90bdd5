/** Books: title, authors, and the chapters in reading order, which are XHTML pages. */
import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';
import type { ParseLimits } from '../document.ts';
import { readHtml } from './page/html.ts';
import { oneLine } from './markdown.ts';
import { readElements, textOf } from './office/elements.ts';
import { openPackage, resolve } from './office/package.ts';

export async function* readEpub(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const pack = openPackage(bytes, limits);
  let book = '';
  for await (const { attributes } of readElements(
    pack.read('META-INF/container.xml'),
    new Set(['rootfile']),
  )) {
    book ||= attributes['full-path'] ?? '';
  }
  const files = new Map<string, string>();
  const chapters: string[] = [];
  for await (const element of readElements(
    pack.read(book),
    new Set(['title', 'creator', 'item', 'itemref']),
  )) {
    const { id = '', href = '', idref = '' } = element.attributes;
    if (element.name === 'item') files.set(id, resolve(book.replace(/[^/]*$/, ''), href));
    else if (element.name === 'itemref') chapters.push(files.get(idref) ?? '');
    else yield { text: `${oneLine(textOf(element))}\n` };
  }
  if (chapters.length === 0) {
    throw new DocumentError('invalid_file', 'The file is not a book (.epub), or it is damaged.');
  }
  for (const chapter of chapters) {
    yield* readHtml(pack.read(chapter));
    yield { text: '\n\n' };
  }
}
