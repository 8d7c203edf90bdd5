import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { mathProgram, readResults } from '../../demo/math.ts';

function run(question: string): string {
  const program = mathProgram(question);
  if (program === undefined) return 'no program';
  // -I: no site packages, so a program that needs one fails here.
  const output = execFileSync('python3', ['-I', '-S', '-c', program], { encoding: 'utf8' });
  return readResults(output).join(' ');
}

describe('the Python for a question prints the answer', () => {
  test.each([
    ['I need to solve the equation `3x + 11 = 14`. Can you help me?', 'The solution is x = 1.'],
    ['x^2 - 5x + 6 = 0', 'The solutions are x = 2 and x = 3.'],
    ['Solve 2(x + 3) = 4x - 1 for x, please', 'The solution is x = 7/2.'],
    ['0.5y + 1 = 3.25', 'The solution is y = 9/2.'],
    ['x^2 = 2', 'The solutions are x = -1.41421 and x = 1.41421.'],
    ['x^2 - 4x + 4 = 0', 'The solution is x = 2.'],
    ['x² + 2x + 5 = 0', 'The solutions are x = -1 - 2i and x = -1 + 2i.'],
    ['x^3 - 6x^2 + 11x - 6 = 0', 'The solutions are x = 1 and x = 2 and x = 3.'],
    ['x^2 + 3x = x^2 + 6', 'The solution is x = 2.'],
    ['Find the roots of x^2 - 9', 'The solutions are x = -3 and x = 3.'],
    ['2^x = 8', 'The solution is x = 3.'],
    ['sqrt(x) = 3', 'The solution is x = 9.'],
    ['1/x = 4', 'The solution is x = 0.25.'],
    ['x = x + 1', 'No value of x is a solution.'],
    ['2x + 4 = 2(x + 2)', 'Every value of x is a solution.'],
    ['x + y = 10 and x - y = 4', 'The solution is x = 7, y = 3.'],
    ['Solve y = 2x + 1, y = 3x - 2', 'The solution is x = 3, y = 7.'],
    ['2a + 3b - c = 5, a - b + c = 2, a + b + c = 6', 'The solution is a = 1, b = 2, c = 3.'],
    ['x + y = 1, 2x + 2y = 2', 'The system has no single solution.'],
    ['2x = 4\n3x = 9', 'The solution is x = 2. The solution is x = 3.'],
    ['If x = 5, what is 2x + 3?', 'The result is 2x + 3 = 13.'],
    ['what is 17 * 23?', 'The result is 17 * 23 = 391.'],
    ["What's 2^10 / 3", 'The result is 2^10 / 3 = 341.3333333333.'],
    ['2 ** 10', 'The result is 2 ** 10 = 1024.'],
    ['15% of 80', 'The result is 15% of 80 = 12.'],
    ['What is 0.1 + 0.2?', 'The result is 0.1 + 0.2 = 0.3.'],
    ['How much is 1,000 × 3.5?', 'The result is 1,000 × 3.5 = 3500.'],
    ['What is 7-3?', 'The result is 7-3 = 4.'],
    ['-3 + 5 * (2 - 7)^2', 'The result is -3 + 5 * (2 - 7)^2 = 122.'],
    ['2 - (3 - 4) - 5', 'The result is 2 - (3 - 4) - 5 = -2.'],
    ['(1/3 + 1/6) * 2', 'The result is (1/3 + 1/6) * 2 = 1.'],
    ['2^-3', 'The result is 2^-3 = 0.125.'],
    ['2^3^2', 'The result is 2^3^2 = 512.'],
    ['-2^2', 'The result is -2^2 = -4.'],
    ['12 divided by 5', 'The result is 12 divided by 5 = 2.4.'],
    ['2 squared plus 3 cubed', 'The result is 2 squared plus 3 cubed = 31.'],
    ['the square root of 144', 'The result is the square root of 144 = 12.'],
    ['What is 10!', 'The result is 10! = 3628800.'],
    ['sin(pi/2) + cos(0)', 'The result is sin(pi/2) + cos(0) = 2.'],
    ['what is 5 / 0', 'This has no value (ZeroDivisionError).'],
    ['What is 2+2 and what is 3*4?', 'The result is 2+2 = 4. The result is 3*4 = 12.'],
    ['mean of 3, 4, 8', 'The mean is 5.'],
    ['the median and the average of 1, 2, 3 and 10', 'The mean is 4 and the median is 2.5.'],
    ['sum of the numbers from 1 to 100', 'The sum is 5050.'],
    ['is 97 prime?', '97 is a prime number.'],
    ['Is 91 a prime?', '91 is not a prime number.'],
    ['prime factors of 360', 'The prime factors of 360 are 2, 2, 2, 3, 3, 5.'],
    ['the first 5 primes', 'The first 5 prime numbers are 2, 3, 5, 7, 11.'],
    ['first 7 Fibonacci numbers', 'The first 7 Fibonacci numbers are 1, 1, 2, 3, 5, 8, 13.'],
    [
      'How many days are there between 2024-01-01 and 2024-03-01?',
      'There are 60 days between 2024-01-01 and 2024-03-01.',
    ],
    ['gcd of 12 and 18', 'The greatest common divisor of 12 and 18 is 6.'],
    [
      'What is the least common multiple of 4 and 6?',
      'The least common multiple of 4 and 6 is 12.',
    ],
    ['Run this:\n```python\nprint("Result:", 6 * 7)\n```', 'The result is 42.'],
  ])('%s', (question, expected) => {
    expect(run(question)).toBe(expected);
  });
});

test.each([
  "What's the weather in San Francisco today and the likelihood it'll rain?",
  'Hello! I am a developer.',
  'The shop is open 24/7 and ships within 3-5 days.',
  'On 2024-01-15 I bought a car',
  'Tell me about GPT-4 and a well-known mill',
  'x = 5',
  'y = 2x + 1',
  'What is 9^9^9^9?',
  'Is a = b?',
  '',
])('leaves a question without anything to calculate alone: %s', (question) => {
  expect(mathProgram(question)).toBeUndefined();
});

test('writes a program worth reading: a comment first, several lines, a result last', () => {
  const program = mathProgram('solve the equation `3x + 11 = 14`')!;
  expect(program.split('\n')[0]).toBe('# Solve the equation 3x + 11 = 14 for x');
  expect(program.split('\n').length).toBeGreaterThan(10);
  expect(program).toContain('return (3 * x + 11) - (14)');
});

test('finds no result in the output of a program that failed', () => {
  expect(readResults('Traceback (most recent call last):\nValueError: no')).toEqual([]);
});
