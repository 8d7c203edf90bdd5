/**
 * Text as search compares it: what a reader takes for the same is the same here, whatever code points it is made of. Of the
 * index, of queries and of highlights alike. Accents stay: `withoutAccents` takes them off a word.
 */

/** What comes out of one piece cannot depend on its neighbours: a character with all that can join it, or Hangul in parts. */
const PIECE =
  /[\0-\x7f]+(?![\p{M}\p{Cf}\uff9e\uff9f])|[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]+|[^][\p{M}\p{Cf}\uff9e\uff9f]*/gu;

/** Invisible characters (soft hyphens, joiners, direction marks), Arabic tatweel and vowels, Hebrew points. */
const IGNORED =
  /[\p{Cf}\ufe00-\ufe0f\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/gu;

/** Other spellings of one letter; NFKC and lower case have dealt with all others. */
const SAME: Readonly<Record<string, string>> = {
  ß: 'ss', ı: 'i', 'i\u0307': 'i', ς: 'σ', ё: 'е',
  أ: 'ا', إ: 'ا', آ: 'ا', ٱ: 'ا', ى: 'ي', ی: 'ي', ئ: 'ي', ې: 'ي', ک: 'ك', ؤ: 'و', ة: 'ه', ۀ: 'ه', ہ: 'ه', ھ: 'ه', ە: 'ه',
}; // prettier-ignore
const DIFFERENT = new RegExp(Object.keys(SAME).join('|'), 'gu');
const DIGIT = /[\p{Nd}--[0-9]]/gv;
const MAX_CACHED = 20_000;
const cache = new Map<string, string>();

export function normalise(text: string): string {
  let out = '';
  for (const [piece] of text.matchAll(PIECE)) out += normalisePiece(piece);
  return out;
}

/** Also says where in `text` each UTF-16 unit of the outcome, and its end, comes from. */
export function normaliseWithPlaces(text: string): { normal: string; places: number[] } {
  let normal = '';
  const places: number[] = [];
  for (const { 0: piece, index } of text.matchAll(PIECE)) {
    const part = normalisePiece(piece);
    const isKept = isAscii(piece);
    for (let at = 0; at < part.length; at += 1) places.push(isKept ? index + at : index);
    normal += part;
  }
  places.push(text.length);
  return { normal, places };
}

function normalisePiece(piece: string): string {
  if (isAscii(piece)) return piece.toLowerCase();
  const known = cache.get(piece);
  if (known !== undefined) return known;
  const normal = piece
    .normalize('NFKC')
    .toLowerCase()
    .replace(IGNORED, '')
    .replace(DIFFERENT, (letter) => SAME[letter]!)
    .replace(DIGIT, digitOf)
    .normalize('NFC');
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(piece, normal);
  return normal;
}

function isAscii(text: string): boolean {
  return text.charCodeAt(0) < 0x80 && !/[^\0-\x7f]/.test(text);
}

/** The digits of a script are ten code points in a row. */
function digitOf(digit: string): string {
  let zero = digit.codePointAt(0)!;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String(digit.codePointAt(0)! - zero);
}

const LETTERS: Readonly<Record<string, string>> = {
  ø: 'o', æ: 'ae', œ: 'oe', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ħ: 'h', ŧ: 't',
}; // prettier-ignore

/** Of a normalised word. In other scripts than Latin and Greek, marks make other letters: が is not か. */
export function withoutAccents(word: string): string {
  if (!/[^\0-\x7f]/.test(word) || !/[\p{Script=Latin}\p{Script=Greek}]/u.test(word)) return word;
  return word
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[øæœłđðþħŧ]/g, (letter) => LETTERS[letter]!)
    .normalize('NFC');
}
