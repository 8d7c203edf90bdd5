/** The styles of a Word document: which paragraphs are headings, numbered or hidden. Styles inherit from others. */
import { child, descendants, isOn, readElements, valueOf } from './elements.ts';
import type { Element } from './elements.ts';

export type Style = {
  /** The style itself, then the styles that it is based on. */
  ids: string[];
  /** The level of a heading, from 1. */
  heading: number | undefined;
  list: string | undefined;
  listLevel: number | undefined;
  hidden: boolean;
};

const MOST_ANCESTORS = 20;
const NO_STYLE: Style = {
  ids: [],
  heading: undefined,
  list: undefined,
  listLevel: undefined,
  hidden: false,
};

export async function readStyles(
  part: AsyncIterable<Uint8Array>,
): Promise<(id: string | undefined) => Style> {
  const found = new Map<string, Element>();
  for await (const element of readElements(part, new Set(['style']))) {
    found.set(element.attributes['styleid'] ?? '', element);
  }
  const made = new Map<string, Style>();
  return (id) => {
    if (id === undefined) return NO_STYLE;
    const style = made.get(id) ?? toStyle(ancestry(id, found));
    made.set(id, style);
    return style;
  };
}

function ancestry(id: string, found: Map<string, Element>): [string, Element][] {
  const line: [string, Element][] = [];
  for (let next: string | undefined = id; next !== undefined && line.length < MOST_ANCESTORS;) {
    const element = found.get(next);
    if (element === undefined) break;
    line.push([next, element]);
    next = valueOf(child(element, 'basedon'));
  }
  return line;
}

function toStyle(line: readonly [string, Element][]): Style {
  const first = <T>(of: (element: Element) => T | undefined) =>
    line.map(([, element]) => of(element)).find((value) => value !== undefined);
  const property = (name: string) =>
    first((element) => {
      const [found] = descendants(element, name);
      return valueOf(found);
    });
  const level = property('ilvl');
  const hidden = first((element) => child(child(element, 'rpr'), 'vanish'));
  return {
    ids: line.map(([id]) => id),
    heading: first((element) => outlineLevel(child(element, 'ppr')) ?? namedLevel(element)),
    list: property('numid'),
    listLevel: level === undefined ? undefined : Number(level),
    hidden: isOn(hidden),
  };
}

/** From 1; level 10 stands for body text. */
export function outlineLevel(properties: Element | undefined): number | undefined {
  const value = valueOf(child(properties, 'outlinelvl'));
  return value === undefined ? undefined : Number(value) + 1;
}

/** The names of built-in styles are English in every language. */
function namedLevel(element: Element): number | undefined {
  const name = valueOf(child(element, 'name'))?.toLowerCase() ?? '';
  if (name === 'title') return 1;
  const [, level] = /^heading (\d)$/.exec(name) ?? [];
  return level === undefined ? undefined : Number(level);
}
