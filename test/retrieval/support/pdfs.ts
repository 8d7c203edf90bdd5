/** PDFs as the world makes them: glyphs at places, fonts without names of characters, forms and comments. */
import { pdfOf, stream } from './documents.ts';

const CATALOG = '<< /Type /Catalog /Pages 2 0 R >>';
const HELVETICA = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';

type Page = {
  content: string;
  /** An object's number and what it says. */
  font?: string;
  annotations?: string[];
};

/** One page (object 3), its content (4) and font (5, in the content /F), its annotations from 10 on; `more` are 6 to 9. */
export function onePage(
  { content, font = HELVETICA, annotations = [] }: Page,
  more: readonly string[] = [],
  catalog = '',
): Buffer {
  const annots = annotations.map((_, index) => `${10 + index} 0 R`).join(' ');
  return pdfOf([
    CATALOG.replace('>>', `${catalog} >>`),
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> ' +
      `/Annots [${annots}] >>`,
    stream(content),
    font,
    ...Array.from({ length: 4 }, (_, index) => more[index] ?? 'null'),
    ...annotations,
  ]);
}

type Drawn = { text: string; x: number; y: number };

/** Each glyph is drawn by itself, in the order given, in a font that maps every code to a glyph's whole text. */
export function drawn(glyphs: readonly Drawn[]): Buffer {
  const texts = [...new Set(glyphs.map(({ text }) => text))];
  const code = (text: string) => hex(String.fromCharCode(texts.indexOf(text) + 1)).slice(2);
  const content = glyphs
    .map(({ text, x, y }) => `BT /F 20 Tf ${x} ${y} Td <${code(text)}> Tj ET`)
    .join('\n');
  return onePage({ content, font: `${HELVETICA.slice(0, -2)} /ToUnicode 6 0 R ${WIDTHS} >>` }, [
    toUnicode(texts.map((text) => `<${code(text)}> <${hex(text)}>`)),
  ]);
}

const ADVANCE = 12;
const WIDTHS = `/FirstChar 0 /LastChar 255 /Widths [${'600 '.repeat(256)}]`;

/** Rows of glyphs from left to right. Programs draw them so, or in the order in which they are read. */
export function rows(
  lines: readonly (string | readonly string[])[],
  order: 'from the left' | 'from the right',
): Buffer {
  const glyphs = lines.map((line, row) =>
    Array.from(line).map((text, index) => ({ text, x: 50 + index * ADVANCE, y: 700 - row * 30 })),
  );
  return drawn(glyphs.flatMap((line) => (order === 'from the left' ? line : line.toReversed())));
}

function toUnicode(entries: readonly string[]): string {
  return stream(
    'begincmap 1 begincodespacerange <00> <ff> endcodespacerange ' +
      `${entries.length} beginbfchar ${entries.join(' ')} endbfchar endcmap`,
  );
}

export const hex = (text: string) => Buffer.from(text, 'utf16le').swap16().toString('hex');

/** `code` in a font of one of Adobe's collections of characters, which is not embedded. */
export function cjk(encoding: string, collection: string, code: Buffer): Buffer {
  return onePage(
    {
      content: `BT /F 20 Tf 50 700 Td <${code.toString('hex')}> Tj ET`,
      font: `<< /Type /Font /Subtype /Type0 /BaseFont /Named /Encoding /${encoding} /DescendantFonts [6 0 R] >>`,
    },
    [
      `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Named /CIDSystemInfo << /Registry (Adobe) /Ordering (${collection}) /Supplement 2 >> /FontDescriptor 7 0 R >>`,
      '<< /Type /FontDescriptor /FontName /Named /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>',
    ],
  );
}

/** A page of form fields or comments: each is the inside of an annotation's dictionary. */
export function annotated(text: string, annotations: readonly string[], form = ''): Buffer {
  const dictionaries = annotations.map(
    (inside, index) =>
      `<< /Type /Annot /Rect [100 ${700 - index * 30} 300 ${720 - index * 30}] /F 4 /P 3 0 R ${inside} >>`,
  );
  const fields = annotations
    .flatMap((inside, index) => (/\/Widget/.test(inside) ? [`${10 + index} 0 R`] : []))
    .join(' ');
  return onePage(
    { content: `BT /F 20 Tf 50 750 Td (${text}) Tj ET`, annotations: dictionaries },
    [],
    `/AcroForm << /Fields [${fields}] /DA (/Helv 12 Tf 0 g) /DR << /Font << /Helv 5 0 R >> >> ${form} >>`,
  );
}
