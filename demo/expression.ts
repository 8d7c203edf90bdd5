/** Arithmetic expressions in one or more variables: parsed from tokens, evaluated, expanded, written as Python. */
import type { MathToken } from './math-tokens.ts';

export type Expression =
  | { kind: 'number'; text: string }
  | { kind: 'variable'; name: string }
  | { kind: 'constant'; name: 'pi' | 'e' }
  | { kind: 'call'; name: string; argument: Expression }
  | { kind: 'negate'; operand: Expression }
  | { kind: 'percent'; operand: Expression }
  | { kind: 'binary'; operator: '+' | '-' | '*' | '/' | '^'; left: Expression; right: Expression };

/** The parser calls itself for every parenthesis; longer ones are not for a person to read anyway. */
const MOST_TOKENS = 300;

/** Undefined when the tokens are not one whole expression. */
export function parseExpression(tokens: MathToken[]): Expression | undefined {
  if (tokens.length > MOST_TOKENS) return undefined;
  const reader = { tokens, at: 0 };
  const expression = parseSum(reader);
  return reader.at === tokens.length ? expression : undefined;
}

type Reader = { tokens: MathToken[]; at: number };

function accept(reader: Reader, pattern: RegExp): string | undefined {
  const token = reader.tokens[reader.at];
  if (token?.kind !== 'operator' || !pattern.test(token.value)) return undefined;
  reader.at++;
  return token.value;
}

function parseSum(reader: Reader): Expression | undefined {
  let left = parseProduct(reader);
  for (let operator; left && (operator = accept(reader, /^[-+]$/));) {
    left = binary(operator, left, parseProduct(reader));
  }
  return left;
}

function parseProduct(reader: Reader): Expression | undefined {
  let left = parseUnary(reader);
  while (left) {
    const operator = accept(reader, /^[*/]$/);
    if (operator) left = binary(operator, left, parseUnary(reader));
    else if (startsFactor(reader.tokens[reader.at])) left = binary('*', left, parsePower(reader));
    else return left;
  }
  return left;
}

/** A multiplication without a sign: 3x, 2(x + 1), (x + 1)(x - 1). Never two numbers in a row. */
function startsFactor(token: MathToken | undefined): boolean {
  if (token === undefined || token.kind === 'number') return false;
  return token.kind !== 'operator' || token.value === '(';
}

function parseUnary(reader: Reader): Expression | undefined {
  const sign = accept(reader, /^[-+]$/);
  if (!sign) return parsePower(reader);
  const operand = parseUnary(reader);
  return sign === '-' && operand ? { kind: 'negate', operand } : operand;
}

function parsePower(reader: Reader): Expression | undefined {
  const base = parsePostfix(reader);
  if (!base || !accept(reader, /^\^$/)) return base;
  return binary('^', base, parseUnary(reader));
}

function parsePostfix(reader: Reader): Expression | undefined {
  let operand = parsePrimary(reader);
  for (let mark; operand && (mark = accept(reader, /^[!%²³]$/));) {
    if (mark === '!') operand = { kind: 'call', name: 'factorial', argument: operand };
    else if (mark === '%') operand = { kind: 'percent', operand };
    else operand = binary('^', operand, { kind: 'number', text: mark === '²' ? '2' : '3' });
  }
  return operand;
}

function parsePrimary(reader: Reader): Expression | undefined {
  if (accept(reader, /^\($/)) {
    const inner = parseSum(reader);
    return accept(reader, /^\)$/) === undefined ? undefined : inner;
  }
  const token = reader.tokens[reader.at];
  if (!token || token.kind === 'operator') return undefined;
  reader.at++;
  if (token.kind === 'number') return { kind: 'number', text: token.value };
  if (token.kind === 'name') return named(token.value, reader.tokens[reader.at]);
  const argument = parsePostfix(reader);
  return argument && { kind: 'call', name: token.value, argument };
}

function named(name: string, next: MathToken | undefined): Expression {
  if (name === 'pi') return { kind: 'constant', name };
  // Only e^… is Euler's number; elsewhere e is as good a variable as any.
  if (name === 'e' && next?.value === '^') return { kind: 'constant', name };
  return { kind: 'variable', name };
}

function binary(
  operator: string,
  left: Expression,
  right: Expression | undefined,
): Expression | undefined {
  return right && { kind: 'binary', operator: operator as '+', left, right };
}

/** The names of the variables, sorted. */
export function variablesOf(...expressions: Expression[]): string[] {
  const names = new Set<string>();
  for (const expression of expressions) {
    visit(expression, (node) => {
      if (node.kind === 'variable') names.add(node.name);
    });
  }
  return [...names].sort();
}

/** Calls back for the expression and everything inside it. */
export function visit(expression: Expression, see: (node: Expression) => void): void {
  see(expression);
  for (const part of partsOf(expression)) visit(part, see);
}

function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'binary':
      return [expression.left, expression.right];
    case 'negate':
    case 'percent':
      return [expression.operand];
    case 'call':
      return [expression.argument];
    default:
      return [];
  }
}

/** The value as a float; good for classifying an expression, not for answering with it. */
export function evaluate(expression: Expression, values: Record<string, number> = {}): number {
  switch (expression.kind) {
    case 'number':
      return Number(expression.text);
    case 'variable':
      return values[expression.name] ?? NaN;
    case 'constant':
      return expression.name === 'pi' ? Math.PI : Math.E;
    case 'negate':
      return -evaluate(expression.operand, values);
    case 'percent':
      return evaluate(expression.operand, values) / 100;
    case 'call':
      return applyFunction(expression.name, evaluate(expression.argument, values));
    case 'binary':
      return applyOperator(
        expression.operator,
        evaluate(expression.left, values),
        evaluate(expression.right, values),
      );
  }
}

function applyFunction(name: string, value: number): number {
  if (name === 'ln') return Math.log(value);
  if (name === 'log') return Math.log10(value);
  if (name === 'factorial') {
    let product = 1;
    for (let factor = 2; factor <= value && Number.isFinite(product); factor++) product *= factor;
    return product;
  }
  return Math[name as 'sqrt' | 'sin' | 'cos' | 'tan' | 'exp' | 'abs'](value);
}

function applyOperator(operator: string, left: number, right: number): number {
  if (operator === '+') return left + right;
  if (operator === '-') return left - right;
  if (operator === '*') return left * right;
  return operator === '/' ? left / right : left ** right;
}
