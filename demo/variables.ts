/**
 * Python for questions that set, change and ask for variables: "let x = 21", "now multiply x by 2", "what is x + y?".
 * The values live in the session of the thread; which names are there is read off the questions asked before.
 */
import { parseExpression, variablesOf, type Expression } from './expression.ts';
import { mathRuns } from './math-tokens.ts';
import { toPython } from './python.ts';

type Kind = 'number' | 'list';
type Known = Map<string, Kind>;
/** What one clause of a question does: lines of Python, and what it defines. */
type Step = { lines: string[]; name?: string; kind?: Kind };

/** A program, or one for each cell when the question wants several; none when it is not about variables. */
export function variablePrograms(question: string, earlier: string[]): string[] {
  const known: Known = new Map();
  for (const text of earlier) {
    readSteps(text, known);
    for (const name of solvedFor(text)) known.set(name, 'number');
  }
  const steps = readSteps(question, known);
  if (steps === undefined || steps.length === 0) return [];
  const wantsCells = /\b(?:cells|separate(?:ly)?|one (?:after|by)|step by step)\b/i.test(question);
  const groups = wantsCells ? steps.map((step) => [step]) : [steps];
  return groups.map((group) => withImports(group.flatMap(({ lines }) => lines)));
}

function withImports(written: string[]): string {
  // "double x and print x" prints once.
  const lines = written.filter((line, index) => line !== written[index - 1]);
  const code = lines.join('\n');
  const modules = ['math', 'statistics'].filter((name) => code.includes(`${name}.`));
  return [...modules.map((name) => `import ${name}`), ...lines, ''].join('\n');
}

const VERBS =
  'let|set|store|add|subtract|multiply|divide|double|halve|square|print|show|append|sort|increase|decrease|what';
const CLAUSE = new RegExp(
  [
    String.raw`;|\n|[.?!](?=\s|$)`,
    String.raw`,?\s+(?:and\s+)?then\s+`,
    String.raw`,?\s+and\s+(?=(?:${VERBS})\b|[a-z_]\w*\s*(?:=|(?:to|as|be)\b))`,
    String.raw`,\s*(?=(?:${VERBS})\b|[a-z_]\w*\s*=)`,
  ].join('|'),
  'i',
);
const OPENING =
  /^(?:(?:please|now|next|first|finally|so|ok|okay|in python|can you|could you|let['’]s|and|[-*]|\d+[.)]|(?:(?:in|use|run) )?(?:\w+ )?(?:separate )?cells:)[,:]?\s+)+/i;

/** Undefined when a part is mathematics of another kind, such as an equation to solve. Adds what it defines to `known`. */
function readSteps(question: string, known: Known): Step[] | undefined {
  const steps: Step[] = [];
  for (const part of question.split(CLAUSE)) {
    const clause = (part ?? '').trim().replace(OPENING, '').trim();
    const step = RULES.map((rule) => rule(clause, known)).find(Boolean);
    if (step?.name !== undefined) known.set(step.name, step.kind ?? 'number');
    if (step) steps.push(step);
    else if (hasEquation(clause)) return undefined;
  }
  return steps;
}

const NAME = '([A-Za-z_]\\w*)';
const KEYWORDS = new Set(
  'and or not if in is it of to the an be as at by for from with me my this that them all each none true false print'.split(
    ' ',
  ),
);

const RULES: ((clause: string, known: Known) => Step | undefined)[] = [
  assignment,
  change,
  listChange,
  statistic,
  question,
];

function assignment(clause: string, known: Known): Step | undefined {
  const forms = [
    /^(?:let|set|define|assign|create|make|store)\s+(?:a |the )?(?:variable |list |number )?(?:called |named )?NAME\s*(?:=|:=|\bto\b|\bbe\b|\bas\b|\bequal to\b|with (?:the )?value)\s*(.+)$/,
    /^(?:the )?variable NAME\s*(?:=|\bis\b)\s*(.+)$/,
    /^NAME\s*=\s*(.+)$/,
    /^NAME (?:to|as|be) (-?[\d.]+)$/,
  ].map((form) => new RegExp(form.source.replace('NAME', NAME), 'i'));
  const stored = new RegExp(
    `^(?:store|put|save|assign) (?:the )?(?:numbers? |value |list |result of )*(.+?) (?:in|into|to|as) (?:a |the )?(?:variable |list )?(?:called |named )?${NAME}$`,
    'i',
  ).exec(clause);
  const direct = forms.map((form) => form.exec(clause)).find(Boolean);
  const [name, value] = stored ? [stored[2]!, stored[1]!] : [direct?.[1], direct?.[2]];
  if (name === undefined || value === undefined || KEYWORDS.has(name.toLowerCase()))
    return undefined;
  const list = /^\[?\s*(-?\d+(?:\.\d+)?(?:\s*(?:,|and)\s*(?:and\s+)?-?\d+(?:\.\d+)?)+)\s*\]?$/.exec(
    value,
  );
  const python = list
    ? `[${list[1]!.match(/-?\d+(?:\.\d+)?/g)!.join(', ')}]`
    : expressionOf(value, known);
  if (python === undefined) return undefined;
  const lines = [`${name} = ${python}`, list ? printed(name, name) : shown(name, name)];
  return { lines, name, kind: list ? 'list' : 'number' };
}

const CHANGES: [RegExp, string][] = [
  [/^(?:multiply|times) NAME by (.+)$/, '*'],
  [/^divide NAME by (.+)$/, '/'],
  [/^(?:add|plus) (.+) to NAME$/, '+'],
  [/^(?:subtract|take) (.+) (?:away )?from NAME$/, '-'],
  [/^(?:increase|increment|raise) NAME by (.+)$/, '+'],
  [/^(?:decrease|decrement|reduce) NAME by (.+)$/, '-'],
  [/^raise NAME to the power (?:of )?(.+)$/, '**'],
];
const ALONE: [RegExp, string][] = [
  [/^double NAME$/, '* 2'],
  [/^(?:triple|treble) NAME$/, '* 3'],
  [/^halve NAME$/, '/ 2'],
  [/^square NAME$/, '** 2'],
  [/^(?:increment) NAME$/, '+ 1'],
  [/^negate NAME$/, '* -1'],
];

/** "multiply x by 2". For a list: each of its numbers. */
function change(clause: string, known: Known): Step | undefined {
  for (const [form, operation] of ALONE) {
    const name = match(form, clause)?.[1];
    if (name !== undefined && known.has(name)) return changed(name, operation, known);
  }
  for (const [form, operator] of CHANGES) {
    const found = match(form, clause);
    if (!found) continue;
    const isNameFirst = form.source.indexOf('NAME') < form.source.indexOf('(.+)');
    const [name, operand] = isNameFirst ? [found[1]!, found[2]!] : [found[2]!, found[1]!];
    const python = expressionOf(operand, known);
    if (known.has(name) && python !== undefined)
      return changed(
        name,
        `${operator} ${/^[\w.]+$/.test(python) ? python : `(${python})`}`,
        known,
      );
  }
  return undefined;
}

function changed(name: string, operation: string, known: Known): Step {
  if (known.get(name) !== 'list')
    return { lines: [`${name} = ${name} ${operation}`, shown(name, name)], name };
  const lines = [`${name} = [one ${operation} for one in ${name}]`, printed(name, name)];
  return { lines, name, kind: 'list' };
}

function match(form: RegExp, clause: string): RegExpExecArray | null {
  return new RegExp(form.source.replace('NAME', NAME), 'i').exec(clause);
}

/** "append 13 to numbers", "sort numbers". */
function listChange(clause: string, known: Known): Step | undefined {
  const [, value, list] = match(/^(?:append|add) (-?\d+(?:\.\d+)?) to NAME$/, clause) ?? [];
  if (list !== undefined && known.get(list) === 'list')
    return { lines: [`${list}.append(${value})`, printed(list, list)] };
  const sorted = match(/^sort (?:the list )?NAME$/, clause)?.[1];
  if (sorted === undefined || known.get(sorted) !== 'list') return undefined;
  return { lines: [`${sorted}.sort()`, printed(sorted, sorted)] };
}

const STATISTICS: Record<string, string> = {
  sum: 'sum',
  total: 'sum',
  mean: 'statistics.mean',
  average: 'statistics.mean',
  median: 'statistics.median',
  maximum: 'max',
  largest: 'max',
  minimum: 'min',
  smallest: 'min',
  length: 'len',
};

/** "what is the mean of numbers?" */
function statistic(clause: string, known: Known): Step | undefined {
  const form = new RegExp(
    `\\b(${Object.keys(STATISTICS).join('|')}) (?:of|in) (?:the )?(?:list |numbers in )?${NAME}$`,
    'i',
  );
  const [, what = '', name = ''] = form.exec(clause) ?? [];
  if (known.get(name) !== 'list') return undefined;
  const python = `${STATISTICS[what.toLowerCase()]!}(${name})`;
  return { lines: [shown(`the ${what.toLowerCase()} of ${name}`, python)] };
}

/** "what is x + y?", "print x". Only when every name in it is known. */
function question(clause: string, known: Known): Step | undefined {
  const asked =
    /^(?:what(?:['’]?s| is| are)|print|show(?: me)?|tell me|calculate|compute|work out|how much is|give me)\s+(?:the )?(?:current )?(?:values? of |result of )?(?:now )?(.+?)(?: now| again)?$/i.exec(
      clause,
    )?.[1];
  if (asked === undefined) return undefined;
  if (known.get(asked) === 'list') return { lines: [printed(asked, asked)] };
  const python = expressionOf(asked, known);
  const usesKnown = python !== undefined && [...known.keys()].some((name) => hasWord(python, name));
  return usesKnown ? { lines: [shown(asked, python)] } : undefined;
}

function hasWord(text: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`).test(text);
}

/** Expressions know names of one letter; a known longer name is an expression too. */
function expressionOf(text: string, known: Known): string | undefined {
  const trimmed = text.trim();
  const short = shorten(trimmed, known);
  const expression = parsed(short.text);
  if (!expression) return undefined;
  const isKnown = variablesOf(expression).every((name) => known.has(short.names.get(name) ?? name));
  if (!isKnown) return undefined;
  return toPython(expression, 'float').replace(
    /\b[A-Z]\b/g,
    (name) => short.names.get(name) ?? name,
  );
}

/** Stands single capital letters in for longer known names; A, E and I mean other things. */
function shorten(text: string, known: Known): { text: string; names: Map<string, string> } {
  const names = new Map<string, string>();
  const letters = Array.from('BCDFGHJKLMNPQRSTUVWXYZ').filter((letter) => !hasWord(text, letter));
  const result = text.replace(/\b[A-Za-z_]\w+\b/g, (word) => {
    if (!known.has(word)) return word;
    const letter = letters.shift() ?? word;
    names.set(letter, word);
    return letter;
  });
  return { text: result, names };
}

function parsed(text: string): Expression | undefined {
  const runs = mathRuns(text);
  const [run] = runs;
  if (runs.length !== 1 || run === undefined) return undefined;
  const isWhole = run[0]!.start === 0 && run.at(-1)!.end === text.length;
  return isWhole ? parseExpression(run) : undefined;
}

function hasEquation(clause: string): boolean {
  return mathRuns(clause).some((run) => run.some(({ value }) => value === '='));
}

/** "3x + 11 = 14" leaves its solution in x. */
function solvedFor(text: string): string[] {
  return mathRuns(text).flatMap((run) => {
    const at = run.findIndex(({ value }) => value === '=');
    if (at < 1) return [];
    const sides = [parseExpression(run.slice(0, at)), parseExpression(run.slice(at + 1))];
    const names = sides.every((side) => side !== undefined) ? variablesOf(...sides) : [];
    return names.length === 1 ? names : [];
  });
}

function printed(label: string, python: string): string {
  return `print("Result: ${label} =", ${python})`;
}

/** Up to ten decimals, and a whole number without any. */
function shown(label: string, python: string): string {
  if (/^\w+$/.test(python))
    return printed(label, `round(float(${python}), 10) if ${python} % 1 else int(${python})`);
  return `value = ${python}\n${shown(label, 'value')}`;
}
