/** The numbers of paragraphs, as Word counts them: "4.1", "(a)", "iv)". */
import { child, descendants, elements, isOn, readElements, valueOf } from './elements.ts';
import type { Element } from './elements.ts';
import { formatNumber } from '../list-numbers.ts';

export type Numbering = {
  /** Counts a paragraph and returns the number before it, or ''. */
  next(list: string, level: number): string;
  /** The level of a list that belongs to this paragraph style. */
  levelOf(list: string, style: string): number | undefined;
};

type Level = {
  start: number;
  format: string;
  /** `%1.%2`: the numbers of the first two levels. */
  text: string;
  /** The number of levels above that restart this one; undefined for all of them. */
  restart: number | undefined;
  /** Shows the numbers of all levels as digits. */
  legal: boolean;
  style: string | undefined;
};
type List = {
  /** Lists of the same definition count together. */
  definition: string;
  levels: Map<number, Level>;
  /** The numbers at which levels restart when they are first used. */
  restarts: Map<number, number>;
};

const DEEPEST = 9;

export async function readNumbering(part: AsyncIterable<Uint8Array>): Promise<Numbering> {
  const definitions = new Map<string, Map<number, Level>>();
  const links = new Map<string, string>();
  const linked = new Map<string, string>();
  const lists = new Map<string, List>();
  for await (const element of readElements(part, new Set(['abstractnum', 'num']))) {
    if (element.name === 'num') {
      lists.set(element.attributes['numid'] ?? '', toList(element, definitions));
      continue;
    }
    const id = element.attributes['abstractnumid'] ?? '';
    definitions.set(id, levelsOf(element));
    const [style, link] = [
      valueOf(child(element, 'stylelink')),
      valueOf(child(element, 'numstylelink')),
    ];
    if (style !== undefined) linked.set(style, id);
    if (link !== undefined) links.set(id, link);
  }
  for (const list of lists.values()) {
    const target = linked.get(links.get(list.definition) ?? '');
    if (target === undefined) continue;
    list.definition = target;
    list.levels = new Map([...(definitions.get(target) ?? []), ...list.levels]);
  }
  return counters(lists);
}

function toList(element: Element, definitions: Map<string, Map<number, Level>>): List {
  const definition = valueOf(child(element, 'abstractnumid')) ?? '';
  const levels = new Map(definitions.get(definition));
  const restarts = new Map<number, number>();
  for (const override of elements(element).filter(({ name }) => name === 'lvloverride')) {
    const level = Number(override.attributes['ilvl']);
    for (const [index, own] of levelsOf(override)) levels.set(index, own);
    const start = valueOf(child(override, 'startoverride'));
    if (start !== undefined) restarts.set(level, Number(start));
  }
  return { definition, levels, restarts };
}

function levelsOf(element: Element): Map<number, Level> {
  const levels = elements(element).filter(({ name }) => name === 'lvl');
  return new Map(levels.map((level) => [Number(level.attributes['ilvl']), toLevel(level)]));
}

function toLevel(level: Element): Level {
  const [format] = descendants(level, 'numfmt');
  const restart = valueOf(child(level, 'lvlrestart'));
  return {
    start: Number(valueOf(child(level, 'start')) ?? 0),
    // A custom format is given by its first numbers: "001, 002, 003, ...".
    format: format?.attributes['format'] ?? valueOf(format) ?? 'decimal',
    text: valueOf(child(level, 'lvltext')) ?? '',
    restart: restart === undefined ? undefined : Number(restart),
    legal: isOn(child(level, 'islgl')),
    style: valueOf(child(level, 'pstyle')),
  };
}

function counters(lists: Map<string, List>): Numbering {
  const counted = new Map<string, (number | undefined)[]>();

  function count({ definition, levels, restarts }: List, level: number): (number | undefined)[] {
    const counts = counted.get(definition) ?? [];
    counted.set(definition, counts);
    const start = restarts.get(level);
    restarts.delete(level);
    const before = counts[level];
    counts[level] = start ?? (before === undefined ? levels.get(level)?.start : before + 1);
    for (let deeper = level + 1; deeper < DEEPEST; deeper += 1) {
      if (level < (levels.get(deeper)?.restart ?? deeper)) counts[deeper] = undefined;
    }
    return counts;
  }

  return {
    next(id, level) {
      const list = lists.get(id);
      const own = list?.levels.get(level);
      if (list === undefined || own === undefined) return '';
      const counts = count(list, level);
      // A box with or without a tick has a meaning; other bullets have none.
      if (own.format === 'bullet') return /[☐☑☒✓✔✗]/.exec(own.text)?.[0] ?? '-';
      return own.text.replace(/%([1-9])/g, (_, digit: string) => {
        const shown = list.levels.get(Number(digit) - 1);
        const number = counts[Number(digit) - 1] ?? shown?.start ?? 0;
        return written(number, own.legal ? 'decimal' : (shown?.format ?? 'decimal'));
      });
    },
    levelOf(id, style) {
      const levels = [...(lists.get(id)?.levels ?? [])];
      return levels.find(([, level]) => level.style === style)?.[0];
    },
  };
}

function written(number: number, format: string): string {
  if (format === 'none') return '';
  const [padded] = /^0*1(?=,)/.exec(format) ?? [];
  return padded === undefined
    ? formatNumber(number, format)
    : String(number).padStart(padded.length, '0');
}
