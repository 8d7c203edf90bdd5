import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { mathProgram, readResults } from '../../demo/math.ts';
import { variablePrograms } from '../../demo/variables.ts';

/** Runs the cells of all questions in one Python, as the session of a thread does; gives what the last one said. */
function converse(questions: string[]): string {
  const cells = questions.flatMap((question, index) => {
    const programs = variablePrograms(question, questions.slice(0, index));
    return index === questions.length - 1
      ? ['print("---")', ...programs]
      : programs.length > 0
        ? programs
        : [mathProgram(question) ?? ''];
  });
  const output = execFileSync('python3', ['-I', '-c', cells.join('\n')], { encoding: 'utf8' });
  return readResults(output.split('---\n')[1]!).join(' ');
}

test.each([
  [['Let x = 21.', 'Now multiply x by 2'], 'The result is x = 42.'],
  [['Let x = 21', 'Divide x by 4', 'What is x + 1?'], 'The result is x + 1 = 6.25.'],
  [['Solve 3x + 11 = 14', 'now multiply x by 2'], 'The result is x = 2.'],
  [['Solve 3x + 11 = 15', 'now multiply x by 2'], 'The result is x = 2.6666666667.'],
  [['x = 5', 'let y = 2x + 1', 'what is x * y now?'], 'The result is x * y = 55.'],
  [['Set x to 10 and y to 5.', 'add y to x, then print x'], 'The result is x = 15.'],
  [['Create a variable called count with value 3', 'increment count'], 'The result is count = 4.'],
  [['Set total to 8', 'what is sqrt(total + 1)?'], 'The result is sqrt(total + 1) = 3.'],
  [
    ['Store the numbers 3, 5 and 8 in a list called sizes', 'append 12 to sizes', 'mean of sizes?'],
    'The result is the mean of sizes = 7.',
  ],
  [['Let sizes = 3, 5, 8', 'multiply sizes by 2'], 'The result is sizes = [6, 10, 16].'],
  [['Let x = 2 and then square x and show x'], 'The result is x = 2. The result is x = 4.'],
])('%j', (questions, said) => {
  expect(converse(questions)).toBe(said);
});

test('writes one cell for each step when the question asks for cells', () => {
  const cells = variablePrograms('In three separate cells: let x = 21; y = x * 2; print x + y', []);
  expect(cells.map((cell) => cell.split('\n')[0])).toEqual([
    'x = 21',
    'y = x * 2',
    'value = x + y',
  ]);
});

test.each([
  'If x = 5, what is 2x + 3?',
  'x + y = 10 and x - y = 4',
  'x = x + 1',
  'y = 2x + 1',
  'Is a = b?',
  'multiply x by 2',
  'What is x?',
  'What is 17 * 23?',
  'Let x = 5. Solve 2x + y = 9, x - y = 0',
  "What's the weather in San Francisco today and the likelihood it'll rain?",
  'My name is Ann. Create a story about 3 cats.',
  '',
])('leaves other questions alone: %s', (question) => {
  expect(variablePrograms(question, [])).toEqual([]);
});
