/** Python programs for questions about lists of numbers and whole numbers: mean, median, primes, Fibonacci, divisors. */

type Recipe = { asks: RegExp; name: string; python: string };

const STATISTICS: Recipe[] = [
  { asks: /\b(?:mean|average)\b/i, name: 'mean', python: 'statistics.mean(numbers)' },
  { asks: /\bmedian\b/i, name: 'median', python: 'statistics.median(numbers)' },
  { asks: /\bmode\b/i, name: 'mode', python: 'statistics.mode(numbers)' },
  {
    asks: /\bstandard deviation\b|\bstd\b/i,
    name: 'sample standard deviation',
    python: 'statistics.stdev(numbers)',
  },
  { asks: /\bvariance\b/i, name: 'sample variance', python: 'statistics.variance(numbers)' },
  { asks: /\b(?:sum|total)\b/i, name: 'sum', python: 'sum(numbers)' },
  { asks: /\bproduct\b/i, name: 'product', python: 'math.prod(numbers)' },
  { asks: /\b(?:maximum|max|largest|biggest)\b/i, name: 'maximum', python: 'max(numbers)' },
  { asks: /\b(?:minimum|min|smallest)\b/i, name: 'minimum', python: 'min(numbers)' },
];
const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const LIST = new RegExp(
  `(?<![\\w.])${NUMBER}(?:(?:\\s*,\\s*(?:and\\s+)?|\\s+and\\s+)${NUMBER})+(?![\\w])`,
);

/** "mean of 3, 4, 8", "sum of the numbers from 1 to 100". */
export function statisticsProgram(question: string): string | undefined {
  const asked = STATISTICS.filter(({ asks }) => asks.test(question));
  const numbers = readNumbers(question);
  if (asked.length === 0 || numbers === undefined) return undefined;
  const results = asked.map(({ name, python }) => `    "${name}": ${python},`);
  return `# Work out the ${asked.map(({ name }) => name).join(' and the ')}
import math
import statistics

numbers = ${numbers}
print("How many numbers:", len(numbers))

results = {
${results.join('\n')}
}
# Up to 10 decimals are shown
shown = [f"the {name} is {round(value, 10)}" for name, value in results.items()]
print("Answer: " + " and ".join(shown) + ".")
`;
}

function readNumbers(question: string): string | undefined {
  const range = /\bfrom (\d{1,6}) to (\d{1,6})\b/i.exec(question);
  if (range) return `list(range(${Number(range[1])}, ${Number(range[2])} + 1))`;
  const list = LIST.exec(question)?.[0].match(new RegExp(NUMBER, 'g'));
  return list ? `[${list.map(Number).join(', ')}]` : undefined;
}

/** "is 97 prime", "first 10 primes", "prime factors of 360", "gcd of 12 and 18", "first 10 Fibonacci numbers". */
export function wholeNumberProgram(question: string): string | undefined {
  const [first, second] = question.match(/\b\d{4}-\d{2}-\d{2}\b/g) ?? [];
  if (first && second && /\bdays\b/i.test(question)) return daysProgram(first, second);
  for (const [pattern, write] of WHOLE_NUMBER_PROGRAMS) {
    const match = pattern.exec(question);
    if (match) return write(...match.slice(1).map(Number));
  }
  return undefined;
}

const WHOLE_NUMBER_PROGRAMS: [RegExp, (...numbers: number[]) => string][] = [
  [/\bis (\d{1,12}) (?:a )?prime/i, (n) => factorsProgram(n!, true)],
  [/\bprime factor\w* of (\d{1,12})\b/i, (n) => factorsProgram(n!, false)],
  [/\bfactori[sz]e (\d{1,12})\b/i, (n) => factorsProgram(n!, false)],
  [/\bfirst (\d{1,3}) prime/i, (n) => primesProgram(n!)],
  [/\bfirst (\d{1,3}) fibonacci/i, (n) => fibonacciProgram(n!, false)],
  [/\b(\d{1,3})(?:st|nd|rd|th) fibonacci/i, (n) => fibonacciProgram(n!, true)],
  [
    /\b(?:gcd|greatest common divisor|gcf|greatest common factor)\D{0,12}(\d{1,12})\D{1,6}(\d{1,12})\b/i,
    divisorProgram,
  ],
  [
    /\b(?:lcm|least common multiple|lowest common multiple)\D{0,12}(\d{1,12})\D{1,6}(\d{1,12})\b/i,
    multipleProgram,
  ],
];

function daysProgram(first: string, second: string): string {
  return `# Count the days between two dates
from datetime import date

start = date.fromisoformat("${first}")
end = date.fromisoformat("${second}")
print("Weekdays:", start.strftime("%A"), "and", end.strftime("%A"))
print("Answer: there are", abs((end - start).days), "days between ${first} and ${second}.")
`;
}

function factorsProgram(n: number, askedForPrime: boolean): string {
  const answer = askedForPrime
    ? `verdict = "is" if factors == [n] else "is not"
print(f"Answer: {n} {verdict} a prime number.")`
    : 'print(f"Answer: the prime factors of {n} are", ", ".join(map(str, factors)))';
  return `# Divide ${n} by every possible factor, smallest first
n = ${n}
factors, rest, divisor = [], n, 2
while divisor * divisor <= rest:
    while rest % divisor == 0:
        factors.append(divisor)
        rest //= divisor
    divisor += 1
if rest > 1:
    factors.append(rest)

print("Factors:", " * ".join(map(str, factors)))
${answer}
`;
}

function primesProgram(count: number): string {
  return `# Collect the first ${count} prime numbers
primes = []
candidate = 2
while len(primes) < ${count}:
    # A number is prime when no smaller prime divides it
    if all(candidate % prime != 0 for prime in primes):
        primes.append(candidate)
    candidate += 1

print("Found:", len(primes))
print("Answer: the first ${count} prime numbers are", ", ".join(map(str, primes)))
`;
}

function fibonacciProgram(count: number, onlyLast: boolean): string {
  const answer = onlyLast
    ? `print("Answer: Fibonacci number ${count} is", numbers[-1])`
    : `print("Answer: the first ${count} Fibonacci numbers are", ", ".join(map(str, numbers)))`;
  return `# Each Fibonacci number is the sum of the two before it, starting with 1, 1
numbers = []
current, following = 1, 1
for position in range(${Math.max(1, count)}):
    numbers.append(current)
    current, following = following, current + following

print("How many:", len(numbers))
${answer}
`;
}

function divisorProgram(first = 0, second = 0): string {
  return `# Euclid's algorithm: replace the pair by the smaller number and the remainder
a, b = ${first}, ${second}
while b:
    print(f"{a} = {a // b} * {b} + {a % b}")
    a, b = b, a % b

print("Answer: the greatest common divisor of ${first} and ${second} is", a)
`;
}

function multipleProgram(first = 0, second = 0): string {
  return `# The product of two numbers is their common divisor times their common multiple
import math

divisor = math.gcd(${first}, ${second})
print("Greatest common divisor:", divisor)
print("Answer: the least common multiple of ${first} and ${second} is", ${first} * ${second} // divisor)
`;
}
