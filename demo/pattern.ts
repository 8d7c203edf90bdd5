/** A string for a regular expression, best effort: literals, classes, groups, alternatives, quantifiers, anchors. */

type Reader = { source: string; at: number };

/** Undefined when the result does not match, because the pattern uses something beyond this (look-around, back-references). */
export function stringMatching(pattern: string, least = 0, most = Infinity): string | undefined {
  // More repetitions make a longer string: the first that has the wanted length wins.
  for (const repeat of [0, 1, 2, 3, 5, 8, 12, 20, 40, 80, 160]) {
    const made = generate(pattern, repeat);
    if (made === undefined) return undefined;
    if (made.length >= least && made.length <= most) return made;
  }
  return undefined;
}

function generate(pattern: string, repeat: number): string | undefined {
  try {
    const reader = { source: pattern, at: 0 };
    const made = readAlternatives(reader, repeat);
    return new RegExp(pattern, 'u').test(made) ? made : undefined;
  } catch {
    return undefined;
  }
}

function readAlternatives(reader: Reader, repeat: number): string {
  const first = readSequence(reader, repeat);
  while (reader.source[reader.at] === '|') {
    reader.at++;
    readSequence(reader, repeat);
  }
  return first;
}

function readSequence(reader: Reader, repeat: number): string {
  let made = '';
  while (reader.at < reader.source.length && !'|)'.includes(reader.source[reader.at]!)) {
    const unit = readUnit(reader, repeat);
    made += unit.repeat(readQuantifier(reader, repeat));
  }
  return made;
}

function readUnit(reader: Reader, repeat: number): string {
  const character = reader.source[reader.at++]!;
  if (character === '^' || character === '$') return '';
  if (character === '.') return 'a';
  if (character === '\\') return readEscape(reader);
  if (character === '[') return readClass(reader);
  if (character !== '(') return character;
  const opening = /^\?(?::|<\w+>)/.exec(reader.source.slice(reader.at));
  reader.at += opening?.[0].length ?? 0;
  const made = readAlternatives(reader, repeat);
  reader.at++;
  return made;
}

function readEscape(reader: Reader): string {
  const letter = reader.source[reader.at++]!;
  if (letter === 'p') {
    reader.at = reader.source.indexOf('}', reader.at) + 1;
    return 'A';
  }
  return (
    (
      { d: '1', w: 'a', s: ' ', S: 'a', D: 'a', W: ' ', b: '', t: '\t', n: '\n' } as Record<
        string,
        string
      >
    )[letter] ?? letter
  );
}

/** The first member of a class; of a negated one, the first usual character it allows. */
function readClass(reader: Reader): string {
  const start = reader.at;
  while (reader.source[reader.at] !== ']' || reader.source[reader.at - 1] === '\\') reader.at++;
  const body = reader.source.slice(start, reader.at++);
  const allowed = new RegExp(`[${body}]`, 'u');
  const usual = 'aA1bB2 _-.,:/@xyzXYZ0';
  return Array.from(usual).find((character) => allowed.test(character)) ?? body[0] ?? '';
}

function readQuantifier(reader: Reader, repeat: number): number {
  const match = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(reader.source.slice(reader.at));
  if (!match) return 1;
  reader.at += match[0].length;
  const [, sign, least, comma, most] = match;
  if (sign === '?') return Math.min(1, repeat);
  if (sign) return sign === '+' ? Math.max(1, repeat) : repeat;
  const upper = comma ? Number(most || Infinity) : Number(least);
  return Math.min(upper, Math.max(Number(least), repeat));
}
