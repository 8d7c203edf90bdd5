/** Small real documents of every format, made here. */
import { zip } from './archives.ts';
import type { Entry } from './archives.ts';

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"';

export function word(name: 'document' | 'footnotes' | 'hdr' | 'ftr', inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:${name} ${W}>${inner}</w:${name}>`;
}

export const paragraph = (text: string) =>
  `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;

/** `body` is WordprocessingML. The document has relations to `more` parts whose name says what they are. */
export function docx(body: string, more: Entry[] = []): Buffer {
  const related = more.flatMap(({ name }): [string, string, string][] => {
    const [, file = '', type] = /^word\/(([a-z]+)\d*\.xml)$/.exec(name) ?? [];
    return type === undefined ? [] : [[`${type}-${file}`, type, file]];
  });
  return zip([
    { name: '[Content_Types].xml', data: '<Types/>' },
    { name: 'word/document.xml', data: word('document', `<w:body>${body}</w:body>`) },
    { name: 'word/_rels/document.xml.rels', data: relations(related) },
    ...more,
  ]);
}

/** Each with its id, the last word of its type, and its target. */
export function relations(all: readonly (readonly [string, string, string])[]): string {
  const each = all.map(
    ([id, type, target]) =>
      `<Relationship Id="${id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${type}" Target="${target}"/>`,
  );
  return `<Relationships>${each.join('')}</Relationships>`;
}

export const slide = (...lines: string[]) =>
  `<p:sld ${A} xmlns:p="p"><p:txBody>${lines.map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join('')}</p:txBody></p:sld>`;

/** Notes are in the file with the opposite number, to see that relations are followed. */
export function pptx(slides: readonly { lines: string[]; notes?: string }[]): Buffer {
  const entries = slides.flatMap(({ lines, notes }, index) => {
    const file: Entry = { name: `ppt/slides/slide${index + 1}.xml`, data: slide(...lines) };
    if (notes === undefined) return [file];
    const target = `notesSlides/notesSlide${slides.length - index}.xml`;
    return [
      file,
      {
        name: `ppt/slides/_rels/slide${index + 1}.xml.rels`,
        data: relations([['r1', 'notesSlide', `../${target}`]]),
      },
      { name: `ppt/${target}`, data: slide(notes) },
    ];
  });
  // Slides are in no order in the archive.
  return zip(entries.reverse());
}

/** One page per list of lines; `more` are objects after those, `trailer` is added to the trailer's dictionary. */
export function pdf(
  pages: readonly (readonly string[])[],
  {
    more = [],
    trailer = '',
    catalog = '',
  }: { more?: string[]; trailer?: string; catalog?: string } = {},
): Buffer {
  const first = 4;
  const kids = pages.map((_, index) => `${first + index * 2} 0 R`).join(' ');
  const objects = [
    `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...pages.flatMap((lines, index) => {
      const shown = lines.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`).join(' ');
      const content = lines.length === 0 ? '' : `BT /F1 12 Tf 14 TL 72 720 Td ${shown} ET`;
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${first + index * 2 + 1} 0 R ` +
          '/Resources << /Font << /F1 3 0 R >> >> >>',
        stream(content),
      ];
    }),
    ...more,
  ];
  return pdfOf(objects, trailer);
}

export function stream(content: string | Buffer, dictionary = ''): string {
  const bytes = Buffer.from(content);
  return `<< /Length ${bytes.length} ${dictionary} >>\nstream\n${bytes.toString('latin1')}\nendstream`;
}

/** `objects` are numbered from 1, and the first is the catalog. */
export function pdfOf(objects: readonly string[], trailer = ''): Buffer {
  let body = '%PDF-1.7\n';
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const xref = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`;
  const size = objects.length + 1;
  const end = `trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(body + xref + end, 'latin1');
}

const SECTOR = 512;
/** Shorter streams would live in a file within the file. */
const STREAM_BYTES = 4096;

/** A Word 97 document: one piece of UTF-16 text. `chain` is what follows the text's last sector, for broken ones. */
export function doc(text: string, chain = -2): Buffer {
  const content = Buffer.from(text, 'utf16le');
  const main = Buffer.alloc(padded(2048 + content.length));
  main.writeUInt16LE(0xa5ec, 0);
  main.writeUInt16LE(0x0200, 0x0a);
  main.writeUInt32LE(text.length, 0x4c);
  content.copy(main, 2048);
  const table = Buffer.alloc(STREAM_BYTES);
  table.writeUInt8(2, 0);
  table.writeUInt32LE(16, 1);
  table.writeUInt32LE(text.length, 9);
  table.writeUInt32LE(2048, 15);
  const sectors = { main: main.length / SECTOR, table: table.length / SECTOR };

  const header = Buffer.alloc(SECTOR, 0xff);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header);
  header.fill(0, 8, 76);
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeInt32LE(1, 44);
  header.writeInt32LE(1, 48);
  header.writeInt32LE(STREAM_BYTES, 56);
  header.writeInt32LE(-2, 60);
  header.writeInt32LE(-2, 68);
  header.writeInt32LE(0, 76);

  const table0 = [-3, -2, ...links(2, sectors.main), ...links(2 + sectors.main, sectors.table)];
  table0[1 + sectors.main] = chain;
  const allocation = Buffer.alloc(SECTOR, 0xff);
  table0.forEach((next, index) => allocation.writeInt32LE(next, index * 4));

  const directory = Buffer.concat([
    entry('Root Entry', { type: 5, child: 1, sector: -2, bytes: 0 }),
    entry('WordDocument', { type: 2, right: 2, sector: 2, bytes: main.length }),
    entry('1Table', { type: 2, sector: 2 + sectors.main, bytes: table.length }),
    Buffer.alloc(128),
  ]);
  return Buffer.concat([header, allocation, directory, main, table]);
}

function padded(bytes: number): number {
  return Math.max(STREAM_BYTES, Math.ceil(bytes / SECTOR) * SECTOR);
}

function links(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index === count - 1 ? -2 : from + index + 1));
}

function entry(
  name: string,
  {
    type,
    right = -1,
    child = -1,
    sector,
    bytes,
  }: { type: number; right?: number; child?: number; sector: number; bytes: number },
): Buffer {
  const made = Buffer.alloc(128);
  made.write(name, 0, 'utf16le');
  made.writeUInt16LE((name.length + 1) * 2, 64);
  made.writeUInt8(type, 66);
  made.writeInt32LE(-1, 68);
  made.writeInt32LE(right, 72);
  made.writeInt32LE(child, 76);
  made.writeInt32LE(sector, 116);
  made.writeInt32LE(bytes, 120);
  return made;
}
