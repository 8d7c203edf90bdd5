import { expect, test } from 'vitest';
import { ask, callsOf, CODE, converse, runPython, system, textOf, user } from './chat.ts';

/** The questions of a thread, and what the answer to the last one says. */
const ANSWERED: [string[], string][] = [
  [['I need to solve the equation `3x + 11 = 14`. Can you help me?'], 'The solution is x = 1.'],
  [['解方程 3x + 11 = 14'], 'The solution is x = 1.'],
  [['Solve 2(x + 3) = 4x - 1 for x, please'], 'The solution is x = 7/2.'],
  [['x² = 2'], 'The solutions are x = -1.41421 and x = 1.41421.'],
  [['x^2 = 0.00000001'], 'The solutions are x = -0.0001 and x = 0.0001.'],
  [['9x^2 - 6x + 1 = 0'], 'The solution is x = 1/3.'],
  [['x^2 + 2x + 5 = 0'], 'The solutions are x = -1 - 2i and x = -1 + 2i.'],
  [['(x^2 - 2)^2 = 0'], 'I cannot tell the solutions of this equation apart.'],
  [['Find the roots of x^3 - 9x'], 'The solutions are x = -3 and x = 0 and x = 3.'],
  [['abs(x + 1) = 5'], 'I can solve polynomial equations up to degree 8 only.'],
  [['1/(x - 1) = 2'], 'I can solve polynomial equations up to degree 8 only.'],
  [['x + y = 10 and x - y = 4'], 'The solution is x = 7, y = 3.'],
  [['x^2 + y = 1, y = 0'], 'I can solve systems of linear equations only.'],
  [['10 - 4 raised to the 2.7'], 'The result is 10 - 4 ^ 2.7 = -32.2242531447.'],
  [['What is 0.1 + 0.2?'], 'The result is 0.1 + 0.2 = 0.3.'],
  [['15% of 80'], 'The result is 15% * 80 = 12.'],
  [['the square root of 144'], 'The result is sqrt 144 = 12.'],
  [['12加5等于多少？'], 'The result is 12+5 = 17.'],
  [['What is 2+2 and what is 3*4?'], 'The result is 2+2 = 4.\nThe result is 3*4 = 12.'],
  [['what is 5 / 0'], 'I cannot show a value of 5 / 0 (ZeroDivisionError).'],
  [['mean of 3, 4, 8'], 'The mean is 5.'],
  [['is 97 prime?'], '97 is a prime number.'],
  [['Run this:\n```python\nprint("Result:", 6 * 7)\n```'], 'The result is 42.'],
  [['If x = 5, what is 2x + 3?'], 'The result is x = 5.\nThe result is 2x + 3 = 13.'],
  [['Let x = 21', 'Divide x by 4', 'What is x + 1?'], 'The result is x + 1 = 6.25.'],
  [['Solve 3x + 11 = 15', 'now multiply x by 2'], 'The result is x = 2.6666666667.'],
  [['x + y = 10, x - y = 4', 'what is x * y now?'], 'The result is x * y = 21.'],
  [['Set x to 10. Set y to 5.', 'add y to x, then print x'], 'The result is x = 15.'],
];

test('answers mathematical questions rightly, in any language that writes them with signs', () => {
  const programs = ANSWERED.map(([questions]) =>
    questions.map((question, at) => {
      const [call] = callsOf(ask(questions.slice(0, at + 1).map(user)));
      expect(call, question).toBeDefined();
      return String(call![1].code);
    }),
  );
  const outputs = runPython(programs);
  const answered = ANSWERED.map(([questions], at) => {
    const { text } = converse(questions.map(user), { tools: [CODE] }, () => outputs[at]!);
    return [questions, text.split('\n\n')[0]];
  });
  expect(answered).toEqual(ANSWERED);
});

test.each([
  'The shop is open 24/7 and ships within 3-5 days.',
  'On 2024-01-15 I bought a car',
  'My phone is 555-1234',
  'multiply x by 2',
  'My name is Ann. Create a story about 3 cats.',
  'Draw me a sheep',
  'sum of the even numbers from 1 to 100',
])('finds nothing to work out in: %s', (question) => {
  expect(callsOf(ask([user(question)]))).toEqual([]);
});

test('says that it cannot, instead of working out a part', () => {
  const questions = `2 to the third power; 10 mod 3; 9^9^9^9; twice 4 + 1; a third of 9 + 3; ½ + ¼;
    3加4的平方; 3 1/2 + 2; 12,5 + 3; |x - 3| = 5; 2 + 3 - five; 2 + 5 million; 100 + 10%;
    the sum of 5 and 3 times 2; the mean of ${'1, '.repeat(2000)}9`.split(/;\s*/);
  for (const question of questions) {
    const said = textOf(ask([user(question)]));
    expect(said, question).toContain('I cannot read all of the mathematics');
  }
});

const PROMPT = `The user's files:
- /mnt/data/notes.txt (also as /mnt/data/file-1)
- /mnt/data/my sales.csv (also as /mnt/data/file-2)`;

test.each([
  ['Plot y = x^2 from -2 to 2', 'plot({"x^2": lambda x: x**2}, -2, 2, "x^2 for x from -2 to 2")'],
  ['plot sin(t) and cos(t) from -pi to pi', '{"sin(t)": lambda t: sin(t), "cos(t)": lambda t: co'],
  ['Total revenue per region in the CSV?', 'total revenue per region in the csv?", "region")'],
  ['Create 3 data visualizations of this file.', 'draw_table("/mnt/data/my sales.csv", 3)'],
])('calls the function that draws or summarises: %s', (question, call) => {
  expect(callsOf(ask([system(PROMPT), user(question)]))[0]?.[1].code).toContain(call);
});

test('says how to switch code_interpreter on', () => {
  expect(textOf(ask([user('what is 17 * 23?')], {}))).toContain('{"type": "code_interpreter"}');
});
