/** Writes an expression as Python. Exact where Python can be: divisions and decimals become Fractions. */
import { visit, type Expression } from './expression.ts';

const PRECEDENCE = { '+': 1, '-': 1, '*': 2, '/': 2, '^': 4 };
const NEGATION = 3;
const ATOM = 5;

type Written = { code: string; precedence: number };

/** `float` writes plain numbers, for a search by approximation. */
export function toPython(expression: Expression, mode: 'exact' | 'float' = 'exact'): string {
  return write(expression, mode).code;
}

/** True when the Python made of it uses Fraction, respectively math. */
export function pythonNeeds(...expressions: Expression[]): { fractions: boolean; math: boolean } {
  const code = expressions.map((expression) => toPython(expression)).join(' ');
  return { fractions: code.includes('Fraction('), math: code.includes('math.') };
}

function write(expression: Expression, mode: 'exact' | 'float'): Written {
  switch (expression.kind) {
    case 'number':
      return atom(writeNumber(expression.text, mode));
    case 'variable':
      return atom(expression.name);
    case 'constant':
      return atom(`math.${expression.name}`);
    case 'call':
      return atom(`${pythonFunction(expression.name)}(${write(expression.argument, mode).code})`);
    case 'negate':
      return { code: `-${wrap(write(expression.operand, mode), NEGATION)}`, precedence: NEGATION };
    case 'percent':
      return write(divide(expression.operand, { kind: 'number', text: '100' }), mode);
    case 'binary':
      return writeBinary(expression, mode);
  }
}

function writeBinary(
  { operator, left, right }: Extract<Expression, { kind: 'binary' }>,
  mode: 'exact' | 'float',
): Written {
  const precedence = PRECEDENCE[operator];
  const [first, second] = [write(left, mode), write(right, mode)];
  const exact = mode === 'exact' && isExact(left) && isExact(right);
  if (operator === '/' && exact) {
    // Dividing two ints gives a float in Python; a Fraction on the left keeps it exact.
    if (isWhole(left) && isWhole(right)) return atom(`Fraction(${first.code}, ${second.code})`);
    return { code: `Fraction(${first.code}) / ${wrap(second, precedence + 1)}`, precedence };
  }
  if (operator === '^') {
    const base = exact && !isWhole(right) ? `Fraction(${first.code})` : wrap(first, precedence + 1);
    return { code: `${base} ** ${wrap(second, NEGATION)}`, precedence };
  }
  const loose = operator === '+' || operator === '*' ? precedence : precedence + 1;
  return { code: `${wrap(first, precedence)} ${operator} ${wrap(second, loose)}`, precedence };
}

function divide(left: Expression, right: Expression): Expression {
  return { kind: 'binary', operator: '/', left, right };
}

function atom(code: string): Written {
  return { code, precedence: ATOM };
}

function wrap(written: Written, least: number): string {
  return written.precedence < least ? `(${written.code})` : written.code;
}

function writeNumber(text: string, mode: 'exact' | 'float'): string {
  if (text.includes('.')) {
    const digits = text.startsWith('.') ? `0${text}` : text;
    return mode === 'exact' ? `Fraction("${digits}")` : digits;
  }
  // Python refuses leading zeros.
  return text.replace(/^0+(?=\d)/, '');
}

function pythonFunction(name: string): string {
  if (name === 'abs') return 'abs';
  if (name === 'ln') return 'math.log';
  return name === 'log' ? 'math.log10' : `math.${name}`;
}

function isWhole(expression: Expression): boolean {
  return expression.kind === 'number' && !expression.text.includes('.');
}

/** No variable (it may hold a Fraction already) and nothing that yields a float. */
function isExact(expression: Expression): boolean {
  let exact = true;
  visit(expression, ({ kind, ...node }) => {
    const inexact = kind === 'call' && 'name' in node && node.name !== 'factorial';
    if (kind === 'variable' || kind === 'constant' || inexact) exact = false;
  });
  return exact;
}
