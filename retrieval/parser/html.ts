/** The text of a page: blocks are lines, cells are separated by tabs, and what is not shown is left out. */
import type { Piece } from '../chunk-text.ts';
import { decodeText } from './decode.ts';
import { readMarkup } from './markup.ts';

const HIDDEN = new Set(['script', 'style', 'template', 'svg', 'iframe', 'noembed', 'noframes']);
const LINES = new Set(
  (
    'address article aside blockquote body br dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'header hr html legend li main nav ol option pre section select summary table tbody tfoot thead title tr ul'
  ).split(' '),
);
/** Apart from what is around them: a blank line is where a chunk may best be cut. */
const PARAGRAPHS = new Set('p h1 h2 h3 h4 h5 h6'.split(' '));
const CELLS = new Set(['td', 'th']);

/** As browsers look for it: in a `meta` element, or the XML declaration, among the first bytes. */
const DECLARATION =
  /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w:-]+)|^<\?xml\s[^>]*?encoding\s*=\s*["']([\w:-]+)/i;
const DECLARATION_BYTES = 1_024;

export async function* readHtml(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  const page = pageText();
  const text = decodeText(bytes, declaredEncoding);
  for await (const _ of readMarkup(text, { xml: false }, page)) {
    const shown = page.take();
    if (shown !== '') yield { text: shown };
  }
}

function declaredEncoding(sample: Uint8Array): string | undefined {
  const beginning = Buffer.from(sample.subarray(0, DECLARATION_BYTES)).toString('latin1');
  const [, meta, xml] = DECLARATION.exec(beginning) ?? [];
  return meta ?? xml;
}

/** Collects text as a browser lays it out: white space collapses, except where it is kept. */
function pageText() {
  let out: string[] = [];
  /** The element whose end is waited for. */
  let hidden: string | undefined;
  let preformatted = 0;
  /** What has to come between the text so far and the next: the strongest asked for. */
  let gap: '' | ' ' | '\t' | '\n' | '\n\n' = '';
  let anything = false;

  const ask = (wanted: typeof gap) => {
    const order = ['', ' ', '\t', '\n', '\n\n'];
    if (anything && order.indexOf(wanted) > order.indexOf(gap)) gap = wanted;
  };
  const write = (text: string) => {
    if (text === '') return;
    out.push(gap, text);
    gap = '';
    anything = true;
  };
  const boundary = (name: string) => {
    if (CELLS.has(name)) ask('\t');
    else if (PARAGRAPHS.has(name)) ask('\n\n');
    else if (LINES.has(name)) ask('\n');
  };
  return {
    open(name: string) {
      if (hidden !== undefined) return;
      if (HIDDEN.has(name)) hidden = name;
      else if (name === 'pre') preformatted += 1;
      boundary(name);
    },
    close(name: string) {
      if (hidden !== undefined) {
        if (name === hidden) hidden = undefined;
        return;
      }
      if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
      boundary(name);
    },
    text(text: string) {
      if (hidden !== undefined) return;
      if (preformatted > 0) return write(text);
      const words = text.replace(/[ \t\r\n\f]+/g, ' ');
      if (words.startsWith(' ')) ask(' ');
      write(words.replace(/^ | $/g, ''));
      if (words.endsWith(' ')) ask(' ');
    },
    take(): string {
      const text = out.join('');
      out = [];
      return text;
    },
  };
}
