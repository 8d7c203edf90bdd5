/**
 * Python programs that answer a mathematical question. Python parses the mathematics (`ast`) and works it out exactly
 * (`fractions`). A program prints its result as "Solution: …", "Result: …" or "Answer: …".
 */
import { findMath, isComplete, isUnreadable, namesIn, spell, toPython } from './math-text.ts';
import { literal, program } from './python.ts';

/** The program that answers the question; undefined when there is nothing to work out, or not all of it is readable. */
export function mathProgram(question: string): string | undefined {
  // A program that the user wrote runs as it is.
  const written = /```(?:python|py)\s*\n([\s\S]*?)```/i.exec(question)?.[1];
  const prime = /\bis (\d{1,12}) (?:an? )?prime/i.exec(question)?.[1];
  if (prime) return program('Look for factors', ['test_prime'], `test_prime(${Number(prime)})`);
  const text = spell(question);
  return written ?? measureProgram(text) ?? calculation(text);
}

/** Whether the question has mathematics of which `mathProgram` would work out only a part. */
export function hasUnreadableMath(question: string): boolean {
  const text = spell(question);
  const { runs } = readMath(text);
  return runs.length > 0 ? !isComplete(text, runs) : /\d/.test(text) && isUnreadable(text);
}

const MEASURE =
  '(?:mean|average|median|mode|standard deviation|variance|sum|product|maximum|minimum|greatest common divisor|least common multiple)';
const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const NUMBERS = new RegExp(
  String.raw`\b(${MEASURE}\b(?:,? (?:and )?(?:the )?${MEASURE}\b)*)` +
    String.raw`(?:[ :]|\b(?:of|for|the|these|all|following|whole|natural|numbers?|integers?|values?)\b)+` +
    String.raw`(?:from (\d{1,6}) to (\d{1,6})|(${NUMBER}(?:(?:, ?(?:and )?| and )${NUMBER})+))(?!,? and\b)`,
  'i',
);

/** "The mean and the median of 3, 4 and 8", "the sum of the numbers from 1 to 100". */
function measureProgram(text: string): string | undefined {
  const [all, named, first, last, list] = NUMBERS.exec(text) ?? [];
  if (!all || !named || !isComplete(text, [all])) return undefined;
  const names = named.toLowerCase().match(new RegExp(MEASURE, 'g')) ?? [];
  const listed = list?.match(new RegExp(NUMBER, 'g'))?.map(Number);
  const numbers = listed
    ? `[${listed.join(', ')}]`
    : `range(${Number(first)}, ${Number(last)} + 1)`;
  const call = `measure(${literal(names)}, ${numbers})`;
  return program(`Work out the ${names.join(' and the ')}`, ['measure'], call);
}

/** Solves the equations in spelt text; without equations, works out its sums. */
function calculation(text: string): string | undefined {
  const { runs, equations } = readMath(text);
  if (runs.length === 0 || !isComplete(text, runs)) return undefined;
  if (equations.length > 0) return solve(equations);
  const sums = runs.map((run) => run.split('=')[0]!.trim());
  const calls = sums.map((math) => `evaluate(${literal(toPython(math))}, ${literal(math)})`);
  return program(`Work out ${sums.join(' and ')}`, ['read', 'evaluate'], ...calls);
}

/** The mathematics to work out, and what of it are equations to solve: all or nothing. */
function readMath(text: string): { runs: string[]; equations: string[] } {
  const found = findMath(text);
  const equations = found.filter(
    (run) => /^[^=]*=[^=]*$/.test(run) && /\d/.test(run) && namesIn(run)[0],
  );
  // "x = 5" is solved already.
  if (!equations.every((run) => /^[a-z] ?=[^a-z]+$/i.test(run))) {
    return { runs: equations, equations };
  }
  const sums = found.filter((run) => isSum(run, text));
  const isOfRoots = /\b(?:roots|zeros|solve)\b/i.test(text) && namesIn(sums.join()).length === 1;
  if (isOfRoots) return { runs: sums, equations: sums.map((run) => `${run} = 0`) };
  return { runs: sums.filter((run) => namesIn(run).length === 0), equations: [] };
}

const ASKS =
  /(?:\b(?:what|how much)(?:['’]?s| is)(?: .*\band)?|^is|\bist|(?:value|result) of|(?:calculate|compute|evaluate|solve):?|[`是]) *$/i;

/** "3-5 days" and "24/7" look like sums; they are taken for sums when the words before them ask. */
function isSum(run: string, text: string): boolean {
  if (!/.[-+*/^!(]|[a-z]{3}|pi/i.test(run)) return false;
  const isDoubtful = /^[-\d\s./!]+$/.test(run);
  const around = text.replace(run, '').replace(/\P{L}/gu, '');
  return !isDoubtful || around.length < 5 || ASKS.test(text.slice(0, text.indexOf(run)));
}

function solve(equations: string[]): string {
  const names = [...new Set(equations.flatMap(namesIn))];
  // The left side minus the right side: a solution makes this zero.
  const differences = equations.map((equation) => {
    const [left, right] = equation.split('=').map((side) => toPython(side.trim()));
    return `read(${literal(`lambda ${names.join(', ')}: (${left}) - (${right})`)})`;
  });
  const all = equations.join(' and ');
  if (names.length > 1 || equations.length > 1) {
    const call = `solve_system(${literal(names)}, [${differences.join(', ')}])`;
    return program(`Solve the equations ${all}`, ['read', 'solve_system'], call);
  }
  const call = `NAME = solve(${differences[0]})`;
  const general = program(`Solve the equation ${all} for NAME`, ['read', 'solve'], call);
  return general.replaceAll('NAME', names[0]!);
}
