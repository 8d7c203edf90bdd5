/** Python for variables, which the thread's interpreter keeps: "let x = 21", "now multiply x by 2", "what is x + 1?". */
import { findMath, isUnreadable, namesIn, spell, toPython } from './math-text.ts';

/** A clause, and the value that it gives to NAME. Without such a value the clause asks for VALUE. */
const RULES = Object.entries({
  'NAME = VALUE': 'VALUE',
  '(?:let|set|define|create|make) (?:an? |the )?(?:variable )?NAME (?:=|to|be|as) VALUE': 'VALUE',
  'multiply NAME by VALUE': 'NAME * VALUE',
  'divide NAME by VALUE': 'NAME / VALUE',
  'add VALUE to NAME': 'NAME + VALUE',
  'subtract VALUE from NAME': 'NAME - VALUE',
  'double NAME': 'NAME * 2',
  "(?:(?:what(?:['’]?s| is)|print|show(?: me)?|calculate) (?:the value of |now )?)?VALUE": '',
}).map(([words, change]) => {
  const named = words.replace('NAME', '(?<name>[a-z_]\\w*)').replace('VALUE', '(?<value>.+?)');
  const opened = '(?:please |now |then |and |if |ok |, |[^\\x00-\\x7F] ?)*';
  return { pattern: new RegExp(`^${opened}${named}(?: now)?$`, 'i'), change };
});
const CLAUSES =
  / ?[;\n] ?|[.?!](?: |\n|$)|,? (?:and )?then |,? and (?=[a-z_]\w* )|, (?=what|[a-z_]\w* ?=)/i;

/** Undefined when the question is not about variables. The `earlier` questions say which variables exist. */
export function variablesProgram(question: string, earlier: string[]): string | undefined {
  const known = new Set<string>();
  for (const text of earlier) {
    linesOf(text, known);
    // An equation leaves its solution in the name.
    const equations = findMath(spell(text)).filter((run) => run.includes('='));
    for (const name of equations.flatMap(namesIn)) known.add(name);
  }
  const lines = linesOf(question, known);
  if (lines.length === 0) return undefined;
  const needsMath = /\b(?:sqrt|sin|cos|tan|log|exp|factorial|pi)\b/.test(lines.join());
  return `${needsMath ? 'from math import *\n' : ''}${lines.join('\n')}\n`;
}

/** Adds the names that the question sets to `known`. Empty when a clause is an equation to solve. */
function linesOf(question: string, known: Set<string>): string[] {
  const lines: string[] = [];
  for (const clause of spell(question).trim().split(CLAUSES)) {
    const read = readClause(clause, known) ?? [];
    if (read.length === 0 && findMath(clause).some((run) => run.includes('='))) return [];
    lines.push(...read);
  }
  return lines;
}

function readClause(clause: string, known: Set<string>): string[] | undefined {
  for (const { pattern, change } of RULES) {
    const { name, value } = pattern.exec(clause)?.groups ?? {};
    const operand = value === undefined ? '' : pythonOf(value, known);
    if ((name ?? value) === undefined || operand === undefined) continue;
    if (name === undefined) {
      if (known.has(value!)) return [show(value!)];
      const uses = [...known].some((one) => new RegExp(`\\b${one}\\b`).test(operand));
      if (uses) return [`value = ${operand}`, show('value', value)];
    } else if (known.has(name) || change === 'VALUE') {
      known.add(name);
      const put = change === 'VALUE' || /^\w*$/.test(operand) ? operand : `(${operand})`;
      return [`${name} = ${change.replace('NAME', name).replace('VALUE', put)}`, show(name)];
    }
  }
  return undefined;
}

/** Undefined unless all of the text is mathematics of numbers and known names. */
function pythonOf(text: string, known: Set<string>): string | undefined {
  const isWhole = findMath(text, known)[0] === text && !text.includes('=');
  if (!isWhole || isUnreadable(text) || !namesIn(text).every((name) => known.has(name))) {
    return undefined;
  }
  return toPython(text);
}

/** Up to ten decimals; a whole number has none. */
function show(name: string, label = name): string {
  return `print("Result: ${label} =", round(float(${name}), 10) if ${name} % 1 else int(${name}))`;
}
