/** Python programs that work out expressions without unknowns. The last line is "Result: …". */
import { evaluate, visit, type Expression } from './expression.ts';
import { pythonNeeds, toPython } from './python.ts';

/** Python refuses to print an int of more than 4300 digits. */
const MOST_DIGITS = 4000;

/**
 * A program for `expression`, spelt `source` in the question; undefined when there is nothing to work out.
 * `known` holds the variables the question gives a value to.
 */
export function arithmeticProgram(
  source: string,
  expression: Expression,
  known: Record<string, Expression> = {},
): string | undefined {
  if (!hasOperation(expression) || digits(expression) > MOST_DIGITS) return undefined;
  const { fractions, math } = pythonNeeds(expression, ...Object.values(known));
  const lines = [`# Work out ${source}`];
  if (fractions) lines.push('# Fractions keep every step exact', 'from fractions import Fraction');
  if (math) lines.push('import math');
  if (lines.length > 1) lines.push('');
  for (const [name, value] of Object.entries(known)) lines.push(`${name} = ${toPython(value)}`);
  const values = Object.fromEntries(
    Object.entries(known).map(([name, value]) => [name, evaluate(value)]),
  );
  const steps = [`value = ${toPython(expression)}`];
  steps.push(...(fractions || math ? SHOW_ROUNDED : ['shown = value']));
  steps.push(`print("Result: ${source} =", shown)`);
  lines.push(...(Number.isFinite(evaluate(expression, values)) ? steps : guarded(steps)));
  return `${lines.join('\n')}\n`;
}

const SHOW_ROUNDED = [
  'print("Value before rounding:", value)',
  '# A whole number stays whole, anything else is shown with up to 10 decimals',
  'shown = int(value) if value == int(value) else round(float(value), 10)',
];

/** A division by zero or a root of a negative number is an answer too. */
function guarded(steps: string[]): string[] {
  return [
    'try:',
    ...steps.map((step) => `    ${step}`),
    'except (ValueError, ZeroDivisionError, OverflowError, TypeError) as error:',
    '    print(f"Answer: this has no value ({type(error).__name__}).")',
  ];
}

function hasOperation(expression: Expression): boolean {
  let found = false;
  visit(expression, ({ kind }) => {
    if (kind === 'binary' || kind === 'call') found = true;
  });
  return found;
}

/** An upper estimate of the decimal digits of any value on the way. */
function digits(expression: Expression): number {
  switch (expression.kind) {
    case 'number':
      return expression.text.length;
    case 'binary': {
      const [left, right] = [digits(expression.left), digits(expression.right)];
      if (expression.operator !== '^') return left + right;
      return Math.max(left, left * Math.abs(evaluate(expression.right) || 1));
    }
    case 'call': {
      const inner = digits(expression.argument);
      if (expression.name !== 'factorial') return inner;
      return inner * Math.max(1, evaluate(expression.argument));
    }
    case 'negate':
    case 'percent':
      return digits(expression.operand);
    default:
      return 1;
  }
}
