/** The text of a page, line by line, as a reader sees it. */
import { isRightToLeft, toReadingOrder } from './direction.ts';
import type { Glyph, Line } from './direction.ts';
import { pdfium, readDoubles } from './pdfium.ts';

type Character = {
  text: string;
  /** In the page's text. */
  index: number;
  /** PDFium adds spaces and ends of lines where the places of glyphs show them. */
  isGenerated: boolean;
};

/** What no reader sees: control characters, and characters that Unicode has not. */
const INVISIBLE = /[\p{Cc}\p{Cn}]/u;
/** Those, what stands for an unknown character, and characters that mean something in one font alone. */
const MEANINGLESS = /[\p{Cc}\p{Cn}\p{Co}\ufffd]/u;
const SPACE = /\s/u;

/** Undefined when what the page shows is text, but most of its glyphs are no known characters. */
export function readPageText(page: number): string | undefined {
  const text = pdfium.FPDFText_LoadPage(page);
  if (text === 0) return '';
  try {
    const { characters, isMeaningless } = readCharacters(text);
    if (isMeaningless) return undefined;
    const plain = characters.map((character) => character.text).join('');
    if (!isRightToLeft(plain)) return plain;
    return toReadingOrder(toLines(text, characters)).join('\n');
  } finally {
    pdfium.FPDFText_ClosePage(text);
  }
}

function readCharacters(text: number): { characters: Character[]; isMeaningless: boolean } {
  const characters: Character[] = [];
  let meaningless = 0;
  let visible = 0;
  const count = pdfium.FPDFText_CountChars(text);
  for (let index = 0; index < count; index += 1) {
    const character = String.fromCodePoint(pdfium.FPDFText_GetUnicode(text, index));
    if (pdfium.FPDFText_IsHyphen(text, index) === 1) {
      characters.push({ text: '-\n', index, isGenerated: false });
    } else if (SPACE.test(character)) {
      const isGenerated = pdfium.FPDFText_GetTextObject(text, index) === 0;
      if (character !== '\r') characters.push({ text: character, index, isGenerated });
    } else {
      visible += 1;
      const isUnknown = pdfium.FPDFText_HasUnicodeMapError(text, index) === 1;
      if (isUnknown || MEANINGLESS.test(character)) meaningless += 1;
      if (INVISIBLE.test(character)) continue;
      characters.push({ text: character, index, isGenerated: false });
    }
  }
  return { characters, isMeaningless: meaningless * 2 > visible };
}

function toLines(text: number, characters: readonly Character[]): Line[] {
  const lines: Character[][] = [[]];
  for (const character of characters) {
    if (character.text === '\n') lines.push([]);
    else lines.at(-1)?.push(character);
  }
  return lines.map((line) => toLine(text, line));
}

function toLine(text: number, characters: readonly Character[]): Line {
  const [first] = characters;
  if (first === undefined) return { glyphs: [], height: 0 };
  // PDFium counts clockwise.
  const angle = -pdfium.FPDFText_GetCharAngle(text, first.index);
  const turn = (x: number, y: number) => ({
    x: x * Math.cos(angle) + y * Math.sin(angle),
    y: y * Math.cos(angle) - x * Math.sin(angle),
  });
  let height = 0;
  const glyphs = characters.map(({ text: shown, index, isGenerated }): Glyph => {
    const [x = 0, y = 0, left = 0, right = 0, bottom = 0, top = 0] = readDoubles(6, (to) => {
      pdfium.FPDFText_GetCharOrigin(text, index, to, to + 8);
      pdfium.FPDFText_GetCharBox(text, index, to + 16, to + 24, to + 32, to + 40);
    });
    height = Math.max(height, top - bottom);
    const middle = turn((left + right) / 2, (bottom + top) / 2).x;
    return { text: shown, ...turn(x, y), middle, isGenerated };
  });
  return { glyphs, height };
}
