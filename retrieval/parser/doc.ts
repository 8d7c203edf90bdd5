/** Word files from before 2007. */
import WordExtractor from 'word-extractor';

import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';

const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex');

export async function* readDoc(bytes: Buffer): AsyncGenerator<Piece> {
  // The package would read a .docx too, without our limits.
  if (!bytes.subarray(0, OLE.length).equals(OLE)) {
    throw new DocumentError(
      'invalid_file',
      'The file is not a Word document of the older format (.doc).',
    );
  }
  const document = await extract(bytes);
  for (const text of [
    document.getBody(),
    document.getFootnotes(),
    document.getEndnotes(),
    document.getHeaders({ includeFooters: true }),
    document.getTextboxes(),
  ]) {
    if (text.trim() !== '') yield { text: `${text}\n` };
  }
}

async function extract(bytes: Buffer) {
  try {
    return await new WordExtractor().extract(bytes);
  } catch {
    throw new DocumentError(
      'invalid_file',
      'The file is not a Word document, or it is damaged or protected.',
    );
  }
}
