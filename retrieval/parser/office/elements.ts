/** Reads parts of an XML file as trees. The rest of the file passes by and takes no memory. */
import { decodeText } from '../text/decode.ts';
import { readMarkup } from '../markup.ts';
import type { Attributes } from '../markup.ts';

export type Element = {
  /** In lower case and without a namespace prefix, like the names of attributes. */
  name: string;
  attributes: Attributes;
  children: (Element | string)[];
};

/** Deeper elements become siblings, so that recursive functions cannot exhaust the stack. */
const DEEPEST = 200;

/**
 * Yields the outermost elements of these names with their content as they end. An element of `marks` is yielded without
 * children as it begins. An element that a broken file leaves open ends with the file.
 */
export async function* readElements(
  bytes: AsyncIterable<Uint8Array>,
  names: ReadonlySet<string>,
  marks: ReadonlySet<string> = new Set(),
): AsyncGenerator<Element> {
  const builder = createBuilder(names, marks);
  for await (const _ of readMarkup(decodeText(bytes), { xml: true }, builder)) {
    yield* builder.take();
  }
  yield* builder.end();
}

function createBuilder(names: ReadonlySet<string>, marks: ReadonlySet<string>) {
  let ready: Element[] = [];
  let path: Element[] = [];
  /** The number of open elements that lie too deep for the path. */
  let beneath = 0;
  let last: Element | undefined;
  return {
    open(name: string, attributes: Attributes) {
      const element = { name, attributes, children: [] };
      const parent = path.at(-1);
      if (parent !== undefined) parent.children.push(element);
      else if (!names.has(name)) {
        if (marks.has(name)) ready.push(element);
        return;
      }
      last = element;
      if (path.length < DEEPEST) path.push(element);
      else beneath += 1;
    },
    close() {
      if (beneath > 0) beneath -= 1;
      else {
        const closed = path.pop();
        if (closed !== undefined && path.length === 0) ready.push(closed);
      }
      last = path.at(-1);
    },
    text(text: string) {
      last?.children.push(text);
    },
    take(): Element[] {
      const taken = ready;
      ready = [];
      return taken;
    },
    end(): Element[] {
      const [open] = path;
      path = [];
      return open === undefined ? [] : [open];
    },
  };
}

export function elements({ children }: Element): Element[] {
  return children.filter((child) => typeof child !== 'string');
}

/** The first child of this name. */
export function child(parent: Element | undefined, name: string): Element | undefined {
  return parent?.children.find((each): each is Element => isElement(each) && each.name === name);
}

/** The outermost descendants of these names, in document order. */
export function* descendants(parent: Element, ...names: string[]): Generator<Element> {
  for (const element of elements(parent)) {
    if (names.includes(element.name)) yield element;
    else yield* descendants(element, ...names);
  }
}

/** The text of all descendants. */
export function textOf(element: Element | undefined): string {
  return (element?.children ?? [])
    .map((each) => (typeof each === 'string' ? each : textOf(each)))
    .join('');
}

/** The value of the attribute `val`. */
export function valueOf(element: Element | undefined): string | undefined {
  return element?.attributes['val'];
}

/** `<w:vanish/>` switches a property on, and `<w:vanish w:val="0"/>` switches it off. */
export function isOn(element: Element | undefined): boolean {
  return element !== undefined && !/^(0|false|off)$/.test(valueOf(element) ?? '');
}

function isElement(each: Element | string): each is Element {
  return typeof each !== 'string';
}
