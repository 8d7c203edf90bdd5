/** Presentations: each slide with what its layout and master show, then its charts, diagrams, notes and comments. */
import type { Piece } from '../../chunk-text.ts';
import { DocumentError } from '../../document.ts';
import type { ParseLimits } from '../../document.ts';
import { createTable, heading, oneLine } from '../markdown.ts';
import { drawingText, richText } from './drawings.ts';
import { child, descendants, elements, readElements, textOf } from './elements.ts';
import type { Element } from './elements.ts';
import { notA, openPackage, relationId, targetsOf } from './package.ts';
import type { Kind, OfficePackage } from './package.ts';

const PRESENTATION: Kind = {
  contentType: /(presentationml|powerpoint).*main/i,
  name: /^ppt\/presentation\.xml$/,
  root: 'presentation',
};
/** For files whose presentation does not list its slides. */
const SLIDE = /^ppt\/slides\/slide(\d+)\.xml$/;
const SHAPES = new Set(['sp', 'graphicframe', 'cxnsp', 'txbody', 'alternatecontent']);
/** Placeholders for slide numbers, dates and repeated headers. */
const REPEATED = new Set(['sldnum', 'dt', 'hdr', 'sldimg']);

/** The page of a piece is the place of its slide. */
export async function* readPptx(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const pack = openPackage(bytes, limits);
  const slides = await slidesOf(pack);
  if (slides.length === 0) throw notA('PowerPoint presentation');
  if (slides.length > limits.pages) {
    throw new DocumentError(
      'invalid_file',
      `The file has ${slides.length} slides, of which at most ${limits.pages} are read.`,
    );
  }
  const seen = new Set<string>();
  for (const [index, slide] of slides.entries()) {
    yield { text: '', page: index + 1 };
    yield* readSlide(pack, slide, seen);
  }
}

async function slidesOf(pack: OfficePackage): Promise<string[]> {
  const main = await pack.mainPart(PRESENTATION);
  const relations = main === undefined ? [] : await pack.relationsOf(main);
  const known = new Map(relations.map(({ id, target }) => [id, target]));
  const listed: string[] = [];
  for await (const element of readElements(pack.read(main ?? ''), new Set(['sldid']))) {
    const target = known.get(relationId(element));
    if (target !== undefined) listed.push(target);
  }
  if (listed.length > 0) return listed;
  const number = (name: string) => Number(SLIDE.exec(name)?.[1] ?? 0);
  return pack.names.filter((name) => SLIDE.test(name)).sort((a, b) => number(a) - number(b));
}

/** `seen` holds layouts and masters of earlier slides and their texts: each is read once. */
async function* readSlide(
  pack: OfficePackage,
  slide: string,
  seen: Set<string>,
): AsyncGenerator<Piece> {
  const relations = await pack.relationsOf(slide);
  yield* readShapes(pack, slide);
  for (const layout of targetsOf(relations, 'slidelayout')) {
    const masters = targetsOf(await pack.relationsOf(layout), 'slidemaster');
    for (const part of [layout, ...masters]) {
      if (seen.has(part)) continue;
      seen.add(part);
      for await (const { text } of readShapes(pack, part, true)) {
        if (!seen.has(text)) yield { text };
        seen.add(text);
      }
    }
  }
  yield { text: await drawingText(pack, relations) };
  for (const notes of targetsOf(relations, 'notesslide')) yield* readShapes(pack, notes);
  for (const comments of targetsOf(relations, 'comments')) {
    for await (const comment of readElements(pack.read(comments), new Set(['text', 'txbody']))) {
      const text = comment.name === 'text' ? textOf(comment) : richText(comment);
      yield { text: `Comment: ${oneLine(text)}\n` };
    }
  }
  yield { text: '\n' };
}

/** A slide shows the shapes of its layout and master, except placeholders. */
async function* readShapes(
  pack: OfficePackage,
  part: string,
  isBehind = false,
): AsyncGenerator<Piece> {
  for await (const shape of readElements(pack.read(part), SHAPES)) {
    const text = shapeText(shape, isBehind);
    if (text.trim() !== '') yield { text };
  }
}

function shapeText(shape: Element, isBehind: boolean): string {
  if (shape.name === 'alternatecontent') {
    const branches = elements(shape).map((branch) => shapeTexts(branch, isBehind));
    return branches.find((text) => text.trim() !== '') ?? '';
  }
  const [placeholder] = descendants(shape, 'ph', 'txbody');
  const [properties] = descendants(shape, 'cnvpr', 'txbody');
  if (properties?.attributes['hidden'] === '1') return '';
  const type = placeholder?.name === 'ph' ? (placeholder.attributes['type'] ?? 'body') : '';
  if (REPEATED.has(type.toLowerCase()) || (isBehind && type !== '')) return '';
  if (/^(ctr)?title$/i.test(type)) return heading(1, richText(shape));
  if (shape.name === 'graphicframe') return [...descendants(shape, 'tbl')].map(tableText).join('');
  const text = richText(shape);
  return text === '' ? '' : `${text}\n`;
}

function shapeTexts(branch: Element, isBehind: boolean): string {
  return [...descendants(branch, ...SHAPES)].map((shape) => shapeText(shape, isBehind)).join('');
}

function tableText(element: Element): string {
  const table = createTable();
  const rows = [...descendants(element, 'tr')].map((row) =>
    table.row(
      elements(row)
        .filter(({ name }) => name === 'tc')
        .map((cell) => ({
          text: child(cell, 'txbody') === undefined ? '' : richText(cell),
          continues: cell.attributes['vmerge'] === '1',
        })),
    ),
  );
  return rows.join('') + table.end();
}
