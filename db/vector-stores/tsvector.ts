/** Words as PostgreSQL's text search writes them. */

/** A tsquery of quoted lexemes, or of what begins with them: nothing in them is an operator. */
export function anyOf(lexemes: readonly string[], isPrefix = false): string {
  return lexemes.map((lexeme) => quoted(lexeme) + (isPrefix ? ':*' : '')).join(' | ');
}

/**
 * How often a tsvector, cast to text ('it''s':3,7C 'other':1), has a lexeme, or one that begins so: at plain places, and at
 * those with a label, where the text has accents. Taking it apart in SQL costs more than anything else of a search.
 */
export function placesIn(
  vector: string,
  lexeme: string,
  isPrefix = false,
): { plain: number; accented: number } {
  const entry = isPrefix ? quoted(lexeme).slice(0, -1) : `${quoted(lexeme)}:`;
  let at = vector.indexOf(entry);
  // Not within another one: 'a ''b':1 has no 'b'.
  while (at > 0 && vector[at - 1] !== ' ') at = vector.indexOf(entry, at + 1);
  if (at < 0) return { plain: 0, accented: 0 };
  const begin = isPrefix ? vector.indexOf("':", at) + 2 : at + entry.length;
  const end = vector.indexOf(' ', begin);
  const places = vector.slice(begin, end < 0 ? undefined : end).split(',');
  const accented = places.filter((place) => /\D$/.test(place)).length;
  return { plain: places.length - accented, accented };
}

function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll(/['\\]/g, '$&$&')}'`;
}
