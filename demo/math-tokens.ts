/** Finds the pieces of mathematics in an English sentence: a tokeniser that knows words such as "divided by". */

export type MathToken = {
  kind: 'number' | 'name' | 'function' | 'operator';
  /** Normalised: `^` for "**", `sqrt` for "square root of", digits without thousands commas. */
  value: string;
  start: number;
  end: number;
};

export const FUNCTIONS = new Set([
  'sqrt',
  'sin',
  'cos',
  'tan',
  'log',
  'ln',
  'exp',
  'abs',
  'factorial',
]);

// Longer spellings first: the first that matches wins.
const WORDS: [RegExp, MathToken['kind'], string][] = [
  [/to the power of|raised to(?: the power(?: of)?)?/, 'operator', '^'],
  [/multiplied by|times/, 'operator', '*'],
  [/divided by/, 'operator', '/'],
  [/is equal to|equals/, 'operator', '='],
  [/plus/, 'operator', '+'],
  [/minus/, 'operator', '-'],
  [/squared/, 'operator', '²'],
  [/cubed/, 'operator', '³'],
  [/percent|per cent/, 'operator', '%'],
  [/(?:the )?square root of/, 'function', 'sqrt'],
  [/(?:the )?factorial of/, 'function', 'factorial'],
];
const WORD_PATTERN = WORDS.map(([pattern]) => `(?:${pattern.source})`).join('|');
const TOKEN = new RegExp(
  [
    String.raw`(?<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|\.\d+)`,
    String.raw`(?<word>\b(?:${WORD_PATTERN})\b)`,
    String.raw`(?<name>[A-Za-zπ][A-Za-z'’]*)`,
    String.raw`(?<operator>\*\*|[-+*/^()=!%√²³×·÷−–])`,
    String.raw`(?<other>\S)`,
  ].join('|'),
  'gi',
);
const SAME: Record<string, string> = {
  '**': '^',
  '×': '*',
  '·': '*',
  '÷': '/',
  '−': '-',
  '–': '-',
};

/** The longest runs of mathematical tokens, in order; words and punctuation separate them. */
export function mathRuns(text: string): MathToken[][] {
  // A date is not a subtraction.
  const readable = text.replace(/\d{4}-\d{2}-\d{2}/g, (date) => '#'.repeat(date.length));
  const runs: MathToken[][] = [[]];
  const tokens = [...readable.matchAll(TOKEN)].map(readToken);
  for (const [index, token] of tokens.entries()) {
    const known = token && contextual(token, tokens[index - 1], tokens[index + 1]);
    const last = runs.at(-1)!.at(-1);
    // A new line starts a new expression, as words and punctuation do.
    if (!known || (last && readable.slice(last.end, known.start).includes('\n'))) runs.push([]);
    if (known) runs.at(-1)!.push(known);
  }
  return runs.map(trim).filter((run) => run.length > 0);
}

function readToken(match: RegExpExecArray): MathToken | undefined {
  const { number, word, name, operator } = match.groups!;
  const at = { start: match.index, end: match.index + match[0].length };
  if (number) return { kind: 'number', value: number.replaceAll(',', ''), ...at };
  if (word) {
    const [, kind, value] = WORDS.find(([pattern]) =>
      new RegExp(`^(?:${pattern.source})$`, 'i').test(word),
    )!;
    return { kind, value, ...at };
  }
  if (name)
    return { kind: FUNCTIONS.has(name.toLowerCase()) ? 'function' : 'name', value: name, ...at };
  if (operator === '√') return { kind: 'function', value: 'sqrt', ...at };
  return operator ? { kind: 'operator', value: SAME[operator] ?? operator, ...at } : undefined;
}

/** Settles what only the neighbours can tell: "of" after a percentage, "x" between numbers, "a" as an article. */
function contextual(
  token: MathToken,
  before: MathToken | undefined,
  after: MathToken | undefined,
): MathToken | undefined {
  if (token.kind !== 'name') return token.kind === 'function' ? lower(token) : token;
  const name = token.value.toLowerCase();
  if (name === 'of' && before?.value === '%') return { ...token, kind: 'operator', value: '*' };
  if (name === 'pi' || name === 'π') return { ...token, value: 'pi' };
  if (token.value.length > 1) return undefined;
  if (name === 'x' && before?.kind === 'number' && after?.kind === 'number') {
    return { ...token, kind: 'operator', value: '*' };
  }
  return /^[ai]$/i.test(name) && !isOperator(after) && before?.end !== token.start
    ? undefined
    : token;
}

function lower(token: MathToken): MathToken {
  return { ...token, value: token.value.toLowerCase() };
}

function isOperator(token: MathToken | undefined): boolean {
  return token?.kind === 'operator' && /^[-+*/^=]$/.test(token.value);
}

/** Drops what cannot start or end an expression, such as the dash of a list or the "=" of "2 + 2 =". */
function trim(run: MathToken[]): MathToken[] {
  let [start, end] = [0, run.length];
  while (start < end && run[start]!.kind === 'operator' && !/^[-(]$/.test(run[start]!.value))
    start++;
  while (start < end && isLoose(run[end - 1]!)) end--;
  return run.slice(start, end);
}

function isLoose(token: MathToken): boolean {
  return (
    token.kind === 'function' || (token.kind === 'operator' && /^[-+*/^=(]$/.test(token.value))
  );
}
