/** Reads LaTeX: commands of headings, accents and styles become text, comments go, and formulas stay as they are. */
import type { Piece } from '../../chunk-text.ts';
import { heading } from '../markdown.ts';
import { decodeText } from './decode.ts';

const LEVELS = ['part', 'chapter', 'section', 'subsection', 'subsubsection', 'paragraph'];
const HEADING =
  /\\(part|chapter|section|subsection|subsubsection|paragraph|title)\*?(?:\[[^\]]*\])?\{((?:[^{}]|\{[^{}]*\})*)\}/g;
const STYLE =
  /\\(?:text(?:bf|it|tt|sc|sf|rm|up|sl|md|normal)|emph|underline|mbox|enquote)\s*\{([^{}]*)\}/g;
/** The combining characters that accent commands stand for. */
const ACCENTS: Record<string, string> = {
  '`': '\u0300',
  "'": '\u0301',
  '^': '\u0302',
  '~': '\u0303',
  '=': '\u0304',
  u: '\u0306',
  '.': '\u0307',
  '"': '\u0308',
  r: '\u030a',
  H: '\u030b',
  v: '\u030c',
  c: '\u0327',
  k: '\u0328',
};
const ACCENT =
  /\\(?:([`'^~=".])\s*|([uvHrck])(?:\s+|(?=\{)))(?:\{\s*\\?([a-zA-Z])\s*\}|\\([ij])(?![a-zA-Z])\s?|([a-zA-Z]))/g;
const LETTERS: Record<string, string> = {
  ss: 'ß',
  ae: 'æ',
  AE: 'Æ',
  oe: 'œ',
  OE: 'Œ',
  aa: 'å',
  AA: 'Å',
  o: 'ø',
  O: 'Ø',
  l: 'ł',
  L: 'Ł',
};
const LETTER = /\\(ss|ae|AE|oe|OE|aa|AA|o|O|l|L)(?![a-zA-Z])(?:\{\}|\s)?/g;
const COMMENT = /(?<!\\)((?:\\\\)*)%[^\n]*/;
const LONGEST_LINE = 100_000;

export async function* readTex(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let held = '';
  for await (const part of decodeText(bytes)) {
    const text = held + part;
    const end = text.length > LONGEST_LINE ? text.length : text.lastIndexOf('\n') + 1;
    held = text.slice(end);
    yield { text: lines(text.slice(0, end)) };
  }
  yield { text: lines(held) };
}

function lines(text: string): string {
  return text
    .split(/(?<=\n)/)
    .filter((line) => !/^\s*%/.test(line))
    .map(shown)
    .join('');
}

function shown(line: string): string {
  if (!/[\\~%`'-]/.test(line)) return line;
  const plain = line
    .replace(COMMENT, '$1')
    .replace(ACCENT, (_, sign?: string, name?: string, ...letters: (string | undefined)[]) => {
      const letter = letters.slice(0, 3).find((each) => each !== undefined) ?? '';
      return `${letter}${ACCENTS[sign ?? name ?? ''] ?? ''}`.normalize('NFC');
    })
    .replace(LETTER, (_, name: string) => LETTERS[name] ?? '')
    .replace(STYLE, '$1')
    .replace(STYLE, '$1')
    .replace(/\\([&%$#_])/g, '$1')
    .replace(/\\[,;: ]/g, ' ')
    .replace(/(?<!\\)~/g, ' ')
    .replace(/\\item\b\s*/g, '- ')
    .replace(/``/g, '“')
    .replace(/''/g, '”');
  return plain.replace(HEADING, (_, name: string, title: string) =>
    heading(Math.max(LEVELS.indexOf(name), 0) + (name === 'part' ? 1 : 0), title),
  );
}
