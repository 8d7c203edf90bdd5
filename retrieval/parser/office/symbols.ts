/** Fonts that show pictures instead of letters: what a reader sees for a character of Symbol, Wingdings and Wingdings 2. */

const SYMBOL_FROM_SPACE =
  ' !∀#∃%&∍()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼';
const SYMBOL_FROM_A0 =
  '€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭';
/** Pairs of a code and its picture. */
const WINGDINGS =
  '28☎2a✉36⌛3f✍4a☺4c☹54❄6c●6e■6f□71❑75◆76❖81①82②83③84④85⑤86⑥87⑦88⑧89⑨8a⑩8c❶8d❷8e❸8f❹90❺91❻92❼93❽94❾95❿' +
  '9f•a1○a7▪a8☐ab★d8➢df←e0→e1↑e2↓e8➔ef⇦f0⇨f1⇧f2⇩f3⬄fb✗fc✓fd☒fe☑';
const WINGDINGS_2 = '4f✗50✓51☒52☑54☒a3☐';

const PICTURES: Record<string, Map<number, string>> = {
  symbol: new Map([
    ...SYMBOL_FROM_SPACE.split('').map((picture, index) => [0x20 + index, picture] as const),
    ...SYMBOL_FROM_A0.split('').map((picture, index) => [0xa0 + index, picture] as const),
  ]),
  wingdings: pairs(WINGDINGS),
  'wingdings 2': pairs(WINGDINGS_2),
};
/** Documents put the characters of such fonts into a range for private use. */
const PRIVATE = /[\uf020-\uf0ff]/g;

/** `text` as `font` shows it. A picture that is not known here is left out; other fonts have letters there. */
export function picture(text: string, font: string): string {
  const pictures = PICTURES[font.toLowerCase()];
  const isLetters = pictures === undefined && !/dings|symbol|marlett/i.test(font);
  return text.replace(PRIVATE, (character) => {
    const code = character.charCodeAt(0) & 0xff;
    return isLetters ? String.fromCharCode(code) : (pictures?.get(code) ?? '');
  });
}

function pairs(text: string): Map<number, string> {
  const found = text.matchAll(/([0-9a-f]{2})(.)/gu);
  return new Map([...found].map(([, code = '', shown = '']) => [Number.parseInt(code, 16), shown]));
}
