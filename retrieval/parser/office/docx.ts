/** Word documents: paragraphs and tables in their order; notes, charts and diagrams follow the paragraph that holds them. */
import type { Piece } from '../../chunk-text.ts';
import type { ParseLimits } from '../../document.ts';
import { readEml } from '../eml.ts';
import { readHtml } from '../page/html.ts';
import { createTable, oneLine } from '../markdown.ts';
import { readRtf } from '../text/rtf.ts';
import { readText } from '../text/text.ts';
import { drawingText } from './drawings.ts';
import { readElements } from './elements.ts';
import { readNumbering } from './numbering.ts';
import { formatNumber } from '../list-numbers.ts';
import { notA, openPackage, relationId, targetsOf } from './package.ts';
import type { Kind, OfficePackage, Relation } from './package.ts';
import { readStyles } from './styles.ts';
import { block, blocks, cells } from './words.ts';
import type { Words } from './words.ts';

const WORD: Kind = {
  contentType: /word.*(document|template).*main/i,
  name: /^word\/document\d*\.xml$/,
  root: 'document',
};
const BLOCKS = new Set(['p', 'tr', 'altchunk', 'alternatecontent', 'del', 'movefrom']);
const TABLES = new Set(['tbl']);
/** A document may replace a paragraph of another one; this bounds the depth. */
const DEEPEST = 3;

type Source = {
  pack: OfficePackage;
  limits: ParseLimits;
  depth: number;
  words: Words;
};

/** Body, then headers and footers, each text once. */
export async function* readDocx(
  bytes: Buffer,
  limits: ParseLimits,
  depth = 0,
): AsyncGenerator<Piece> {
  const pack = openPackage(bytes, limits);
  const main = await pack.mainPart(WORD);
  if (main === undefined) throw notA('Word document');
  const relations = await pack.relationsOf(main);
  const source = { pack, limits, depth, words: await readWords(pack, relations) };
  yield* readStory(main, source);
  const seen = new Set<string>();
  for (const part of targetsOf(relations, 'header', 'footer')) {
    let text = '';
    for await (const piece of readStory(part, source)) text += piece.text;
    if (!seen.has(text)) yield { text };
    seen.add(text);
  }
}

async function readWords(pack: OfficePackage, relations: readonly Relation[]): Promise<Words> {
  const part = (type: string) => pack.read(targetsOf(relations, type)[0] ?? '');
  const words: Words = {
    numbering: await readNumbering(part('numbering')),
    styleOf: await readStyles(part('styles')),
    notes: new Map(),
    after: [],
  };
  const footnotes = await readNotes('footnote', part('footnotes'), words);
  const endnotes = await readNotes('endnote', part('endnotes'), words);
  const comments = await readNotes('comment', part('comments'), words);
  return { ...words, notes: new Map([...footnotes, ...endnotes, ...comments]), after: [] };
}

/** Footnotes become `[^1]: text`, endnotes `[^i]: text`, and comments name their author. */
async function readNotes(
  kind: string,
  part: AsyncIterable<Uint8Array>,
  words: Words,
): Promise<Map<string, string>> {
  const notes = new Map<string, string>();
  for await (const note of readElements(part, new Set([kind]))) {
    const { id = '', type = 'normal', author = '' } = note.attributes;
    const text = oneLine(blocks(note, words));
    if (type !== 'normal' || text === '') continue;
    const number = formatNumber(notes.size + 1, kind === 'endnote' ? 'lowerRoman' : 'decimal');
    const label = kind === 'comment' ? `Comment (${author})` : `[^${number}]`;
    notes.set(`${kind} ${id}`, `${label}: ${text}\n`);
  }
  return notes;
}

async function* readStory(part: string, source: Source): AsyncGenerator<Piece> {
  const { pack, words } = source;
  const relations = await pack.relationsOf(part);
  const table = createTable();
  let inTable = false;
  for await (const element of readElements(pack.read(part), BLOCKS, TABLES)) {
    if (element.name === 'tr') {
      inTable = true;
      yield { text: table.row(cells(element, words)) };
      continue;
    }
    if (inTable) yield { text: table.end() };
    inTable = false;
    if (element.name === 'altchunk') {
      const chunk = relations.find(({ id }) => id === relationId(element));
      if (chunk !== undefined) yield* readChunk(chunk.target, source);
    } else yield { text: block(element, words) };
    yield* readAfter(relations, source);
  }
  yield { text: table.end() };
  yield* readAfter(relations, source);
  yield { text: '\n' };
}

async function* readAfter(
  relations: readonly Relation[],
  { pack, words }: Source,
): AsyncGenerator<Piece> {
  for (const each of words.after.splice(0)) {
    if (typeof each === 'string') yield { text: each };
    else yield { text: await drawingText(pack, relations, each.relation) };
  }
}

/** Reads a document that replaces a paragraph. Its first bytes tell its format. */
async function* readChunk(part: string, { pack, limits, depth }: Source): AsyncGenerator<Piece> {
  const parts: Uint8Array[] = [];
  for await (const bytes of pack.read(part)) parts.push(bytes);
  const whole = Buffer.concat(parts);
  const beginning = whole
    .subarray(0, 100)
    .toString('latin1')
    .replace(/^[^\w<{]+/, '');
  if (beginning.startsWith('PK')) {
    if (depth < DEEPEST) yield* readDocx(whole, limits, depth + 1);
  } else if (beginning.startsWith('{\\rtf')) yield* readRtf(whole);
  else if (/^(mime-version|from|content-type):/i.test(beginning)) yield* readEml(whole);
  else if (beginning.startsWith('<')) yield* readHtml(once(whole));
  else yield* readText(once(whole));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
