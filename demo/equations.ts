/** Python programs that solve equations. Each prints its way, and one last line "Solution: …" for the answer. */
import { evaluate, variablesOf, type Expression } from './expression.ts';
import { expand } from './polynomial.ts';
import { toPython } from './python.ts';

export type Equation = { source: string; left: Expression; right: Expression };

/** A program for one equation in one variable; undefined when it has none or several. */
export function solveEquation(equation: Equation): string | undefined {
  const names = variablesOf(equation.left, equation.right);
  const [name] = names;
  if (name === undefined || names.length > 1) return undefined;
  const coefficients = expand(difference(equation));
  if (!coefficients) return searchProgram(equation, name);
  if (coefficients.length <= 2) return linearProgram(equation, name);
  if (coefficients.length === 3) return quadraticProgram(equation, name);
  return rootsProgram(equation, name, coefficients);
}

/** A program for as many linear equations as there are variables; undefined when they are not that. */
export function solveSystem(equations: Equation[]): string | undefined {
  const names = variablesOf(...equations.flatMap(({ left, right }) => [left, right]));
  if (names.length < 2 || names.length !== equations.length) return undefined;
  if (!equations.every((equation) => isLinear(difference(equation), names))) return undefined;
  return systemProgram(equations, names);
}

function difference({ left, right }: Equation): Expression {
  return { kind: 'binary', operator: '-', left, right };
}

/** A linear function of several variables is known by its values at 0 and the unit points; two others tell. */
function isLinear(expression: Expression, names: string[]): boolean {
  const at = (values: number[]) =>
    evaluate(expression, Object.fromEntries(names.map((name, i) => [name, values[i]!])));
  const constant = at(names.map(() => 0));
  const slopes = names.map((_, i) => at(names.map((__, j) => (i === j ? 1 : 0))) - constant);
  return [names.map((_, i) => 2 + i * 3), names.map((_, i) => -5.5 + i * 1.75)].every((point) => {
    const expected = slopes.reduce((sum, slope, i) => sum + slope * point[i]!, constant);
    return Math.abs(at(point) - expected) < 1e-6 * (1 + Math.abs(expected));
  });
}

function differenceFunction(equation: Equation, name: string, mode: 'exact' | 'float'): string {
  return `def difference(${name}):
    # The left side minus the right side: a solution makes this zero
    return (${toPython(equation.left, mode)}) - (${toPython(equation.right, mode)})`;
}

/** math only where the equation itself needs it, so that a short program stays short. */
function imports(equation: Equation): string {
  const code = toPython(equation.left) + toPython(equation.right);
  return `from fractions import Fraction${code.includes('math.') ? '\nimport math' : ''}`;
}

function linearProgram(equation: Equation, name: string): string {
  return `# Solve the equation ${equation.source} for ${name}
${imports(equation)}

${differenceFunction(equation, name, 'exact')}

# The equation is linear: difference(${name}) = a*${name} + b
b = difference(Fraction(0))
a = difference(Fraction(1)) - b
print(f"In the form a*${name} + b = 0: a = {a}, b = {b}")

if a != 0:
    ${name} = solution = -b / a
    print("Check, this has to be 0:", difference(solution))
    print("Solution: ${name} =", solution)
elif b == 0:
    print("Answer: every value of ${name} is a solution.")
else:
    print("Answer: no value of ${name} is a solution.")
`;
}

function quadraticProgram(equation: Equation, name: string): string {
  return `# Solve the quadratic equation ${equation.source} for ${name}
${imports(equation)}
from math import isqrt, sqrt

${differenceFunction(equation, name, 'exact')}

# Read a, b and c of a*${name}^2 + b*${name} + c off three values
c = Fraction(difference(Fraction(0)))
a = (difference(Fraction(1)) + difference(Fraction(-1))) / 2 - c
b = (difference(Fraction(1)) - difference(Fraction(-1))) / 2
d = Fraction(b * b - 4 * a * c)
print(f"a = {a}, b = {b}, c = {c}")
print("Discriminant b^2 - 4ac =", d)

def root(value):
    # Exact when numerator and denominator are squares
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    exact = top * top == value.numerator and bottom * bottom == value.denominator
    return Fraction(top, bottom) if exact else sqrt(value)

def show(value):
    return str(value) if isinstance(value, Fraction) else f"{value:.6g}"

if d > 0:
    low, high = sorted([(-b - root(d)) / (2 * a), (-b + root(d)) / (2 * a)])
    print(f"Solutions: ${name} = {show(low)} and ${name} = {show(high)}")
elif d == 0:
    print("Solution: ${name} =", -b / (2 * a))
else:
    real, imaginary = -b / (2 * a), abs(root(-d) / (2 * a))
    print("There is no real solution, so these are complex.")
    print(f"Solutions: ${name} = {show(real)} - {show(imaginary)}i and ${name} = {show(real)} + {show(imaginary)}i")
`;
}

function rootsProgram(equation: Equation, name: string, coefficients: number[]): string {
  return `# Solve the equation ${equation.source} for ${name}
# Its coefficients, from the constant term up to ${name}^${coefficients.length - 1}
coefficients = [${coefficients.join(', ')}]

def polynomial(${name}):
    total = 0
    for coefficient in reversed(coefficients):
        total = total * ${name} + coefficient / coefficients[-1]
    return total

# The Durand-Kerner method improves all roots together, starting from points on a spiral
roots = [(0.4 + 0.9j) ** k for k in range(len(coefficients) - 1)]
for step in range(500):
    for i, guess in enumerate(roots):
        divisor = 1
        for j, other in enumerate(roots):
            if i != j:
                divisor *= guess - other
        roots[i] = guess - polynomial(guess) / divisor

def show(root):
    real, imaginary = round(root.real, 4) + 0.0, round(root.imag, 4) + 0.0
    if imaginary == 0:
        return f"{real:g}"
    if real == 0:
        return f"{imaginary:g}i"
    return f"{real:g} {'+' if imaginary > 0 else '-'} {abs(imaginary):g}i"

found = sorted(roots, key=lambda root: (round(root.imag, 4) != 0, round(root.real, 4), root.imag))
shown = list(dict.fromkeys("${name} = " + show(root) for root in found))
print("Roots found:", len(shown))
print(("Solution: " if len(shown) == 1 else "Solutions: ") + " and ".join(shown))
`;
}

function searchProgram(equation: Equation, name: string): string {
  return `# Solve the equation ${equation.source} for ${name} by approximation
import math

${differenceFunction(equation, name, 'float')}

def safe(${name}):
    # None where the equation is not defined
    try:
        value = difference(${name})
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(value, complex) or math.isnan(value) else value

# Look for a change of sign between -100 and 100
grid = [i / 20 for i in range(-2000, 2001)]
solutions = [point for point in grid if safe(point) == 0]
for low, high in zip(grid, grid[1:]):
    if safe(low) is None or safe(high) is None or safe(low) * safe(high) >= 0:
        continue
    # Halve the interval until it is tiny
    for step in range(60):
        middle = (low + high) / 2
        value = safe(middle)
        if value is None:
            break
        low, high = (low, middle) if safe(low) * value <= 0 else (middle, high)
    if value is not None and abs(value) < 1e-6:
        solutions.append(middle)

shown = [f"${name} = {solution:.6g}" for solution in sorted(solutions)[:8]]
print("Solutions found between -100 and 100:", len(solutions))
if shown:
    print(("Solution: " if len(shown) == 1 else "Solutions: ") + " and ".join(shown))
else:
    print("Answer: there is no solution between -100 and 100.")
`;
}

function systemProgram(equations: Equation[], names: string[]): string {
  const sides = equations.map(
    ({ left, right }) => `        (${toPython(left)}) - (${toPython(right)}),`,
  );
  return `# Solve the system of equations
${equations.map(({ source }) => `#   ${source}`).join('\n')}
from fractions import Fraction

names = [${names.map((name) => `"${name}"`).join(', ')}]

def differences(${names.join(', ')}):
    # The left side minus the right side of each equation
    return [
${sides.join('\n')}
    ]

# The equations are linear: their values at 0 and at the unit points are the coefficients
size = len(names)
constants = differences(*[Fraction(0)] * size)
columns = [differences(*[Fraction(int(i == j)) for j in range(size)]) for i in range(size)]
rows = [
    [columns[j][i] - constants[i] for j in range(size)] + [-constants[i]] for i in range(size)
]
for row in rows:
    print("Row:", *row)

def eliminate(rows):
    # Gauss-Jordan elimination; None when the system has no single solution
    for k in range(size):
        pivot = next((row for row in rows[k:] if row[k] != 0), None)
        if pivot is None:
            return None
        rows.remove(pivot)
        rows.insert(k, [Fraction(value) / pivot[k] for value in pivot])
        for i in range(size):
            if i != k:
                rows[i] = [value - rows[i][k] * lead for value, lead in zip(rows[i], rows[k])]
    return [row[-1] for row in rows]

values = eliminate(rows)
if values is None:
    print("Answer: the system has no single solution.")
else:
    print("Solution: " + ", ".join(f"{name} = {value}" for name, value in zip(names, values)))
`;
}
