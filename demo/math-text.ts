/** Finds the mathematics in a sentence of any language and writes it as Python. */

/** Words and signs, and how a keyboard writes them. The order matters. */
const SPELLINGS: [RegExp, string][] = [
  [/²|\s+squared\b/gi, '^2'],
  [/³|\s+cubed\b/gi, '^3'],
  [/\b(?:raised )?to the power(?: of)?\b|\braised to(?: the)?\b|\*\*/gi, '^'],
  [/\b(?:multiplied by|times)\b|[×·⋅]|乘以?/gi, '*'],
  [/\bdivided by\b|÷|除以/gi, '/'],
  [/\bplus\b|加/gi, '+'],
  [/\bminus\b|[−–]|减/gi, '-'],
  [/\b(?:is )?equal(?:s| to)\b|等于/gi, '='],
  [/√|\b(?:the )?square root of\b/gi, ' sqrt '],
  [/\b(?:the )?factorial of\b/gi, ' factorial '],
  [/\s*(?:%|\bper ?cent\b) of\b/gi, '% *'],
  [/\s*\bper ?cent\b/gi, '%'],
  // An equals sign before the end or a question mark only asks for the result.
  [/=\s*(?=[?？多几什]|\s*$)/g, ' '],
  [/^[ \t]*[-*•] /gm, ''],
  [/(?<=\d),(?=\d{3}(?!\d))/g, ''],
  [/(?<=\d\s*)(?<!\b0)x(?=\s*\d)|(?<=[\d)] )x(?= \()/g, '*'],
  [/\b[fgh]\([a-z]\)\s*=/g, 'y ='],
  // Dates, paths and ids of files look like subtractions and divisions.
  [/\d{4}-\d{2}-\d{2}|(?:sandbox:)?\/mnt\/data\/\S*|\bfile-[\w-]+/g, '#'],
];

export function spell(text: string): string {
  const spelt = SPELLINGS.reduce((all, [words, sign]) => all.replace(words, sign), text);
  const spaced = spelt.replace(/\s+/g, (space) => (space.includes('\n') ? '\n' : ' '));
  return spaced.trim().normalize('NFKC');
}

const FUNCTIONS = 'sqrt|sin|cos|tan|log|ln|exp|abs|factorial';

/** The sums and equations in spelt text, in order. Names have one letter; those in `known` may have more. */
export function findMath(text: string, known: Iterable<string> = []): string[] {
  const names = [...known, 'pi', '[a-zπ]'].join('|');
  const name = String.raw`(?<![a-zÀ-ÿ_'’])(?:${names})(?![a-zÀ-ÿ\d_'’])`;
  const before = String.raw`(?:[-(] ?|(?<![a-z])(?:${FUNCTIONS})\b ?){0,20}`;
  const operand = String.raw`${before}(?:(?<![a-zÀ-ÿ_\d.])(?:\d+(?:\.\d+)?|\.\d+)(?![\d.]*\d)|${name})(?: ?[!%)])*`;
  const between = String.raw`(?: ?[-+*/^=] ?|(?<=[\d)]) ?(?=[a-zπ(])|(?<=[a-z])(?=\())`;
  const runs = text.match(new RegExp(`${operand}(?:${between}${operand})*`, 'gi')) ?? [];
  return runs.map(balance).filter((run) => run !== '');
}

/** Drops parentheses that belong to the sentence around the mathematics. */
function balance(run: string): string {
  const surplus = run.split('(').length - run.split(')').length;
  if (surplus > 0 && run.startsWith('(')) return balance(run.slice(1));
  if (surplus < 0 && run.endsWith(')')) return balance(run.slice(0, -1));
  return surplus === 0 ? run.trim() : '';
}

/** Mathematics in words or signs that this file does not translate. */
const UNREADABLE = [
  /\b(?:mod|modulo|remainder|reciprocal|inverse|absolute|round(?:ed)?|floor|ceiling|binary|base)\b/i,
  /\b(?:integra(?:l|te)|derivative|differentiate|root|degrees?|power|raised|squares?d?|cubed?)\b/i,
  /\b(?:twice|doubled?|tripled?|half|halve|choose|dozen|hundred|thousand|[mb]illion)\b/i,
  /[|<>≤≥∫∑∂°⁄百千万亿]|! ?[!^]|\[\.\.\.\]/,
  // How large is 10%, the tenth part of what comes before? A tower of powers is too large.
  /[-+] ?[\d.]+ ?%|\d{5,} ?!|\^ ?(?:\d{5}|\(?[\d.]+\)? ?\^)/,
];
/** Beside the mathematics: an operator, or words that do more to it, as in "a third of …". */
const ATTACHED =
  /¤ ?[-+*/^=的¤]|¤[a-z]|[-+*/^=] ?¤|(?<!\b(?:value|results?|answer|equations?|solutions?|roots|zeros|sum|product) )\b(?:of|de|von|aus|di) (?:the )?¤/i;

export function isUnreadable(text: string): boolean {
  return UNREADABLE.some((pattern) => pattern.test(text));
}

/** Whether `runs` are all the mathematics in the text: the rest has no number and nothing that changes them. */
export function isComplete(text: string, runs: string[]): boolean {
  const rest = runs.reduce((all, run) => all.replace(run, () => '¤'), text);
  return !/\d/.test(rest) && !ATTACHED.test(rest) && !isUnreadable(text);
}

/** The names in it, each once; only e^… is Euler's number. */
export function namesIn(math: string): string[] {
  return [...new Set(math.match(/(?<![a-z])[a-z](?![a-z]|(?<=e) ?\^)/gi))];
}

/** A function and, without parentheses, its argument. */
const APPLIED = String.raw`(?<![a-z_])(${FUNCTIONS})(?![a-z_]) ?(?!\()(-?[\d.]* ?(?:pi\b|[a-zπ]\b)?)`;

/** "2sin x + 3!" is `2*sin(x) + factorial(3)`. */
export function toPython(math: string): string {
  return math
    .replace(new RegExp(APPLIED, 'gi'), '$1($2)')
    .replace(/([\d.]+|[a-z]|\([^()]*\)) ?!/gi, 'factorial($1)')
    .replace(/(?<=[\d)]) ?(?=[a-zπ(])|(?<=(?<![a-z])[a-z])(?=\()/gi, '*')
    .replace(/(?<![\d.])0+(?=\d)/g, '')
    .replace(/\bln\b|\blog\b/g, (name) => (name === 'ln' ? 'log' : 'log10'))
    .replace(/%/g, '/100')
    .replace(/\^/g, '**')
    .replace(/π/g, 'pi');
}
