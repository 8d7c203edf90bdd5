/**
 * Recognises mathematics in a question and writes a Python program for it (standard library only).
 * Every program ends with a line "Solution: …", "Solutions: …", "Result: …" or "Answer: …"; readResults takes it from
 * the output of the tool, so that no state is needed between the two requests.
 */
import { arithmeticProgram } from './arithmetic.ts';
import { solveEquation, solveSystem, type Equation } from './equations.ts';
import { parseExpression, variablesOf, type Expression } from './expression.ts';
import { mathRuns, type MathToken } from './math-tokens.ts';
import { statisticsProgram, wholeNumberProgram } from './number-questions.ts';

const MOST_PROGRAMS = 6;

/** The program that answers the question; undefined when there is nothing to calculate in it. */
export function mathProgram(question: string): string | undefined {
  return (
    fencedPython(question) ??
    statisticsProgram(question) ??
    wholeNumberProgram(question) ??
    expressionPrograms(question)
  );
}

/** The results a program printed, as sentences. Empty when it printed none, for instance because it failed. */
export function readResults(output: string): string[] {
  return [...output.matchAll(/^(Solutions?|Result|Answer): (.+)$/gm)].map(([, label, value]) => {
    const text = value!.trim().replace(/\.$/, '');
    if (label === 'Answer') return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
    return `The ${label!.toLowerCase()} ${label === 'Solutions' ? 'are' : 'is'} ${text}.`;
  });
}

/** A program the user wrote is run as it is. */
function fencedPython(question: string): string | undefined {
  return /```(?:python|py)\s*\n([\s\S]*?)```/i.exec(question)?.[1];
}

type Found = { source: string; tokens: MathToken[]; start: number };

function expressionPrograms(question: string): string | undefined {
  const found = mathRuns(question).map((tokens) => {
    const [start, end] = [tokens[0]!.start, tokens.at(-1)!.end];
    return { source: question.slice(start, end).replace(/\s+/g, ' '), tokens, start };
  });
  const equations = found.flatMap((one) => readEquation(one) ?? []);
  const programs = solve(equations, question, found) ?? workOut(question, found);
  return programs.length > 0 ? programs.slice(0, MOST_PROGRAMS).join('\n') : undefined;
}

function readEquation({ source, tokens }: Found): Equation | undefined {
  const signs = tokens.filter(isEqualsSign);
  if (signs.length !== 1) return undefined;
  const at = tokens.indexOf(signs[0]!);
  const left = parseExpression(tokens.slice(0, at));
  const right = parseExpression(tokens.slice(at + 1));
  return left && right && { source, left, right };
}

function isEqualsSign(token: MathToken): boolean {
  return token.kind === 'operator' && token.value === '=';
}

function solve(equations: Equation[], question: string, found: Found[]): string[] | undefined {
  const given = givenValues(equations);
  const unknown = equations.filter(({ left, right }) => variablesOf(left, right).length > 0);
  // "If x = 5, what is 2x + 3?" gives values; it asks for no solution.
  if (unknown.length === Object.keys(given).length) return solveForRoots(question, found);
  const system = solveSystem(unknown);
  if (system) return [system];
  const single = unknown.flatMap((equation) => solveEquation(equation) ?? []);
  return single.length > 0 ? single : undefined;
}

/** "The roots of x^2 - 4" means x^2 - 4 = 0. */
function solveForRoots(question: string, found: Found[]): string[] | undefined {
  if (!/\b(?:solve|roots?|zeros?|zeroes)\b/i.test(question)) return undefined;
  const zero: Expression = { kind: 'number', text: '0' };
  const programs = found.flatMap(({ source, tokens }) => {
    const left = tokens.length > 2 ? parseExpression(tokens) : undefined;
    return (left && solveEquation({ source: `${source} = 0`, left, right: zero })) ?? [];
  });
  return programs.length > 0 ? programs : undefined;
}

/** The equations that only name a value: x = 5. */
function givenValues(equations: Equation[]): Record<string, Expression> {
  const given = equations.filter(
    ({ left, right }) => left.kind === 'variable' && variablesOf(right).length === 0,
  );
  return Object.fromEntries(
    given.map(({ left, right }) => [left.kind === 'variable' ? left.name : '', right]),
  );
}

function workOut(question: string, found: Found[]): string[] {
  const given = givenValues(found.flatMap((one) => readEquation(one) ?? []));
  return found.flatMap((one) => {
    const end = one.tokens.findIndex(isEqualsSign);
    const tokens = end < 0 ? one.tokens : one.tokens.slice(0, end);
    const expression = parseExpression(tokens);
    if (!expression || !isMeant(question, one)) return [];
    const names = variablesOf(expression);
    if (names.some((name) => !(name in given))) return [];
    const known = Object.fromEntries(names.map((name) => [name, given[name]!]));
    const source = question.slice(one.start, tokens.at(-1)!.end).replace(/\s+/g, ' ');
    return arithmeticProgram(source, expression, known) ?? [];
  });
}

const ASKS =
  /(?:what(?:['’]?s| is| are)|calculate|compute|evaluate|work out|how much is|result of|value of|simplify|solve|:|`|is|of|and|plus)\s*$/i;

/** "3-5 days" and "24/7" look like arithmetic; they are taken for it only when the words around them ask. */
function isMeant(question: string, { source, start, tokens }: Found): boolean {
  const doubtful = tokens.every(
    ({ kind, value }) => kind === 'number' || value === '-' || value === '/',
  );
  if (!doubtful) return true;
  const around = question.replace(source, '').replace(/[^A-Za-z]/g, '');
  return around.length < 10 || ASKS.test(question.slice(0, start));
}
