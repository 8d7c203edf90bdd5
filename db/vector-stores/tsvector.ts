/** Words as PostgreSQL's text search writes them. */

/** A tsquery of quoted lexemes: nothing in them is an operator. */
export function anyOf(lexemes: readonly string[]): string {
  return lexemes.map(quoted).join(' | ');
}

/**
 * How often a tsvector, cast to text ('it''s':3,7A 'other':1), has a lexeme. Taking it apart in SQL costs more than anything
 * else of a search.
 */
export function frequencyIn(vector: string, lexeme: string): number {
  const entry = `${quoted(lexeme)}:`;
  let at = vector.indexOf(entry);
  // Not within another one: 'a ''b':1 has no 'b'.
  while (at > 0 && vector[at - 1] !== ' ') at = vector.indexOf(entry, at + 1);
  if (at < 0) return 0;
  const end = vector.indexOf(' ', at + entry.length);
  return vector.slice(at + entry.length, end < 0 ? undefined : end).split(',').length;
}

function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll(/['\\]/g, '$&$&')}'`;
}
