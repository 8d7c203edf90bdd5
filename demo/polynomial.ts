/** Reads an expression in one variable as a polynomial, to know which way of solving fits. */
import { evaluate, variablesOf, type Expression } from './expression.ts';

/** Coefficients by rising power, without trailing zeros; undefined when it is no polynomial of degree 12 or less. */
export function expand(expression: Expression): number[] | undefined {
  const coefficients = expandParts(expression);
  if (!coefficients?.every(Number.isFinite) || coefficients.length > 13) return undefined;
  let length = coefficients.length;
  while (length > 1 && Math.abs(coefficients[length - 1]!) < 1e-12) length--;
  return coefficients.slice(0, length);
}

function expandParts(expression: Expression): number[] | undefined {
  if (variablesOf(expression).length === 0) return [evaluate(expression)];
  switch (expression.kind) {
    case 'variable':
      return [0, 1];
    case 'negate':
      return expandParts(expression.operand)?.map((coefficient) => -coefficient);
    case 'percent':
      return expandParts(expression.operand)?.map((coefficient) => coefficient / 100);
    case 'binary':
      return expandBinary(expression);
    default:
      return undefined;
  }
}

function expandBinary({
  operator,
  left,
  right,
}: Extract<Expression, { kind: 'binary' }>): number[] | undefined {
  const [first, second] = [expandParts(left), expandParts(right)];
  if (!first || !second) return undefined;
  if (operator === '+') return add(first, second, 1);
  if (operator === '-') return add(first, second, -1);
  if (operator === '*') return multiply(first, second);
  if (second.length > 1) return undefined;
  const constant = second[0]!;
  if (operator === '/') return first.map((coefficient) => coefficient / constant);
  if (!Number.isInteger(constant) || constant < 0 || constant > 12) return undefined;
  return Array.from({ length: constant }).reduce<number[]>((power) => multiply(power, first), [1]);
}

function add(first: number[], second: number[], sign: 1 | -1): number[] {
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, i) => (first[i] ?? 0) + sign * (second[i] ?? 0));
}

function multiply(first: number[], second: number[]): number[] {
  const product = Array.from({ length: first.length + second.length - 1 }, () => 0);
  for (const [i, a] of first.entries()) {
    for (const [j, b] of second.entries()) product[i + j]! += a * b;
  }
  return product;
}
