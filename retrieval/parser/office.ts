/** Word and PowerPoint files: XML in a zip archive. Both have paragraphs, tables and breaks by the same names. */
import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';
import type { ParseLimits } from '../document.ts';
import { decodeText } from './decode.ts';
import { readMarkup } from './markup.ts';
import { openArchive } from './zip.ts';
import type { Archive } from './zip.ts';

/** Settings, what was deleted, and what is there a second time for older programs. */
const SKIPPED = new Set(['ppr', 'rpr', 'fallback', 'del', 'movefrom', 'sectpr', 'tblpr']);
const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex');

/** Body, footnotes, endnotes, then headers and footers, each text once. */
export async function* readDocx(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const archive = open(bytes, limits);
  const body = archive.names.filter((name) => /^word\/document\d*\.xml$/.test(name));
  if (body.length === 0) throw notA('Word document');
  yield* readPart(archive, body[0] ?? '');
  for (const name of ['word/footnotes.xml', 'word/endnotes.xml']) yield* readPart(archive, name);
  const seen = new Set<string>();
  for (const name of numbered(archive.names, /^word\/(?:header|footer)(\d+)\.xml$/)) {
    const text = await whole(readPart(archive, name));
    if (!seen.has(text)) yield { text };
    seen.add(text);
  }
}

/** Slides in the order of their numbers, each followed by its notes; the page is the slide's place. */
export async function* readPptx(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const archive = open(bytes, limits);
  const slides = numbered(archive.names, /^ppt\/slides\/slide(\d+)\.xml$/);
  if (slides.length === 0) throw notA('PowerPoint presentation');
  if (slides.length > limits.pages) {
    throw new DocumentError(
      'invalid_file',
      `The file has ${slides.length} slides, of which at most ${limits.pages} are read.`,
    );
  }
  let page = 0;
  for (const slide of slides) {
    page += 1;
    yield { text: '', page };
    yield* readPart(archive, slide);
    const notes = await notesOf(archive, slide);
    if (notes !== undefined) yield* readPart(archive, notes);
  }
}

function open(bytes: Buffer, limits: ParseLimits): Archive {
  if (bytes.subarray(0, OLE.length).equals(OLE)) {
    throw new DocumentError(
      'invalid_file',
      'The file is protected with a password, or of an older format.',
    );
  }
  return openArchive(bytes, limits);
}

function notA(what: string): DocumentError {
  return new DocumentError('invalid_file', `The file is not a ${what}.`);
}

function numbered(names: readonly string[], pattern: RegExp): string[] {
  const number = (name: string) => Number(pattern.exec(name)?.[1] ?? 0);
  return names.filter((name) => pattern.test(name)).sort((a, b) => number(a) - number(b));
}

/** A slide names its notes in a file beside it; their numbers may differ. */
async function notesOf(archive: Archive, slide: string): Promise<string | undefined> {
  const relations = slide.replace('slides/', 'slides/_rels/').concat('.rels');
  let xml = '';
  for await (const part of archive.read(relations)) xml += Buffer.from(part).toString('latin1');
  const target = /notesSlides\/notesSlide\d+\.xml/.exec(xml)?.[0];
  return target === undefined ? undefined : `ppt/${target}`;
}

async function whole(pieces: AsyncIterable<Piece>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece.text;
  return text;
}

async function* readPart(archive: Archive, name: string): AsyncGenerator<Piece> {
  const text = partText();
  for await (const _ of readMarkup(decodeText(archive.read(name)), { xml: true }, text)) {
    const taken = text.take();
    if (taken !== '') yield { text: taken };
  }
  yield { text: '\n' };
}

/** Paragraphs become lines, table rows lines of cells separated by tabs. */
function partText() {
  let out: string[] = [];
  let skipped: { name: string; depth: number } | undefined;
  let inText = false;
  /** Tables within tables are flattened into the outer one's cell. */
  let tables = 0;
  /** Comes before the next text of the same cell. */
  let gap = '';

  const write = (text: string) => {
    out.push(gap, text);
    gap = '';
  };
  return {
    open(name: string) {
      if (skipped?.name === name) skipped.depth += 1;
      if (skipped !== undefined) return;
      if (SKIPPED.has(name)) skipped = { name, depth: 1 };
      else if (name === 't') inText = true;
      else if (name === 'tbl') tables += 1;
      else if (name === 'tab' || name === 'ptab') write('\t');
      else if (name === 'br' || name === 'cr') write(tables > 0 ? ' ' : '\n');
      else if (name === 'nobreakhyphen') write('-');
    },
    close(name: string) {
      if (skipped !== undefined) {
        if (skipped.name === name) skipped.depth -= 1;
        if (skipped.depth === 0) skipped = undefined;
        return;
      }
      if (name === 't') inText = false;
      else if (name === 'p' && tables === 0) write('\n');
      else if (name === 'p') gap = ' ';
      else if (name === 'tc' && tables === 1) gap = '\t';
      else if (name === 'tr' && tables === 1) {
        gap = '';
        write('\n');
      } else if (name === 'tbl') tables = Math.max(0, tables - 1);
    },
    text(text: string) {
      if (inText && skipped === undefined) write(text);
    },
    take(): string {
      const text = out.join('');
      out = [];
      return text;
    },
  };
}
