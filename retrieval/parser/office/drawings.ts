/** Charts as tables, SmartArt as lists, and the text of shapes. */
import { createTable, oneLine } from '../markdown.ts';
import { child, descendants, elements, readElements, textOf } from './elements.ts';
import type { Element } from './elements.ts';
import { linear } from './math.ts';
import { formatNumber } from '../list-numbers.ts';
import type { OfficePackage, Relation } from './package.ts';
import { showNumber } from './values.ts';

type Series = { name: string; categories: string[]; values: string[] };

/** The text of all charts and diagrams, or of the one with this relation id. */
export async function drawingText(
  pack: OfficePackage,
  relations: readonly Relation[],
  id?: string,
): Promise<string> {
  let text = '';
  for (const { type, target, id: own } of relations) {
    if (id !== undefined && id !== own) continue;
    if (type === 'chart') text += await chartText(pack.read(target));
    else if (type === 'chartex') text += await newerChartText(pack.read(target));
    else if (type === 'diagramdata') text += await diagramText(pack.read(target));
  }
  return text;
}

/** Titles become lines, and series with the same categories share a table. */
async function chartText(part: AsyncIterable<Uint8Array>): Promise<string> {
  let titles = '';
  const tables = new Map<string, Series[]>();
  for await (const element of readElements(part, new Set(['title', 'ser']))) {
    if (element.name === 'title') titles += line(richText(element));
    else {
      const series = toSeries(element);
      const key = series.categories.join('\n');
      addTo(tables, key, series);
    }
  }
  return titles + [...tables.values()].map(seriesTable).join('');
}

function seriesTable(series: readonly Series[]): string {
  const table = createTable();
  const categories = series[0]?.categories ?? [];
  const rows = Math.max(categories.length, ...series.map(({ values }) => values.length));
  let text = table.row([{ text: '' }, ...series.map(({ name }) => ({ text: name }))]);
  // A table needs a header, also when its series have no names.
  if (text === '') text = table.row(['Category', 'Value'].map((title) => ({ text: title })));
  for (let row = 0; row < rows; row += 1) {
    const values = series.map(({ values: each }) => ({ text: each[row] ?? '' }));
    text += table.row([{ text: categories[row] ?? '' }, ...values]);
  }
  return text + table.end();
}

function toSeries(element: Element): Series {
  const part = (...names: string[]) =>
    names.map((name) => child(element, name)).find((each) => each !== undefined);
  return {
    name: points(child(element, 'tx')).join(' '),
    categories: points(part('cat', 'xval')),
    values: points(part('val', 'yval')),
  };
}

/** The cached values of the cells. Categories of several levels are joined. */
function points(element: Element | undefined): string[] {
  if (element === undefined) return [];
  const [format] = descendants(element, 'formatcode');
  const levels = [...descendants(element, 'lvl')];
  const found: string[] = [];
  for (const level of levels.length === 0 ? [element] : levels.reverse()) {
    let last = '';
    const texts: string[] = [];
    for (const point of descendants(level, 'pt')) {
      texts[Number(point.attributes['idx']) || 0] = textOf(child(point, 'v'));
    }
    const count = Math.max(texts.length, found.length);
    for (let index = 0; index < Math.min(count, MOST_POINTS); index += 1) {
      last = texts[index] ?? (levels.length > 1 ? last : '');
      found[index] = `${found[index] ?? ''} ${showNumber(last, textOf(format))}`.trim();
    }
  }
  return found.length > 0 ? found : [textOf(child(element, 'v'))];
}

const MOST_POINTS = 100_000;

/** Waterfalls, treemaps and other newer charts: each title and list of values is a line. */
async function newerChartText(part: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const element of readElements(part, new Set(['title', 'lvl', 'txdata']))) {
    const shown = [...descendants(element, 'pt', 't', 'v')].map(textOf);
    text += line(shown.join(element.name === 'lvl' ? ', ' : ''));
  }
  return text;
}

/** The points of a diagram in the order of its tree. */
async function diagramText(part: AsyncIterable<Uint8Array>): Promise<string> {
  const texts = new Map<string, string>();
  const children = new Map<string, { id: string; place: number }[]>();
  for await (const element of readElements(part, new Set(['pt', 'cxn']))) {
    const { type = 'parOf', srcid = '', destid: id = '', srcord, modelid } = element.attributes;
    if (element.name === 'pt') texts.set(modelid ?? `${texts.size}`, richText(element));
    else if (type === 'parOf') addTo(children, srcid, { id, place: Number(srcord ?? 0) });
  }
  const written = new Set<string>();
  const write = (id: string, depth: number): string => {
    if (written.has(id) || depth > 100) return '';
    written.add(id);
    const text = oneLine(texts.get(id) ?? '');
    const own = text === '' ? '' : `- ${text}\n`;
    const below = (children.get(id) ?? []).sort((a, b) => a.place - b.place);
    return own + below.map((each) => write(each.id, depth + 1)).join('');
  };
  return [...texts.keys()].map((id) => write(id, 0)).join('');
}

/** The paragraphs of DrawingML with their numbers, a line each. Without paragraphs: the cached value of a cell. */
export function richText(element: Element): string {
  const counts: { format: string; number: number }[] = [];
  const lines = [...descendants(element, 'p')].map((paragraph) => {
    const properties = child(paragraph, 'ppr');
    const level = Number(properties?.attributes['lvl'] ?? 0);
    const text = runs(paragraph);
    counts.length = Math.min(counts.length, level + 1);
    const auto = child(properties, 'buautonum')?.attributes;
    if (auto === undefined || text.trim() === '') {
      counts.length = Math.min(counts.length, level);
      return text;
    }
    const format = auto['type'] ?? '';
    const before = counts[level]?.format === format ? counts[level] : undefined;
    const number = before === undefined ? Number(auto['startat'] ?? 1) : before.number + 1;
    counts[level] = { format, number };
    return `${autoNumber(number, format)} ${text}`;
  });
  if (lines.length > 0) return lines.join('\n');
  return [...descendants(element, 'v')].map(textOf).join(' ');
}

const AUTO_FORMATS: Record<string, string> = {
  alphalc: 'lowerLetter',
  alphauc: 'upperLetter',
  romanlc: 'lowerRoman',
  romanuc: 'upperRoman',
  ea1chs: 'chineseCounting',
  ea1jpnchs: 'japaneseCounting',
  circlenumdb: 'decimalEnclosedCircle',
};

/** `alphaLcParenBoth` is "(a)". */
function autoNumber(number: number, type: string): string {
  const [, name = '', end] =
    /^(.*?)(period|parenboth|parenr|plain|)$/.exec(type.toLowerCase()) ?? [];
  const shown = formatNumber(number, AUTO_FORMATS[name] ?? 'decimal');
  if (end === 'parenboth') return `(${shown})`;
  return `${shown}${{ period: '.', parenr: ')' }[end ?? ''] ?? ''}`;
}

function runs(parent: Element): string {
  return elements(parent)
    .map((element): string => {
      if (element.name === 't') return textOf(element);
      if (element.name === 'br') return '\n';
      if (element.name === 'omath') return linear(element);
      if (/^(ppr|rpr|endpararpr|fallback)$/.test(element.name)) return '';
      return runs(element);
    })
    .join('');
}

function line(text: string): string {
  const shown = oneLine(text);
  return shown === '' ? '' : `${shown}\n`;
}

function addTo<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key) ?? [];
  list.push(value);
  lists.set(key, list);
}
