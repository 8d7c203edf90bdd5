import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dataProgram, writtenFiles } from '../../demo/data-programs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** In the programs' fallback, the working folder, so that nothing outside of the test is touched. */
function run(question: string): string {
  const program = dataProgram(question)!.replaceAll('/mnt/data', '/nonexistent');
  return execFileSync('python3', ['-I', '-c', program], { encoding: 'utf8', cwd: folder });
}

test.each([
  ['Plot y = x^2 from -2 to 2', 'Values between 0 and 4', '<polyline'],
  ['draw a graph of sin(t)', 'Values between -0.9999 and 0.9999', '<polyline'],
  ['plot 1/x', 'Values between', '<polyline'],
  ['Make a bar chart of 3, 5 and 8', 'Bars: 3', '<rect'],
])('%s', (question, printed, drawn) => {
  const output = run(question);
  expect(output).toContain(printed);
  expect(writtenFiles(output)).toEqual(['chart.svg']);
  expect(readFileSync(join(folder, 'chart.svg'), 'utf8')).toContain(drawn);
});

test('describes the files and the numeric columns of a table', () => {
  writeFileSync(join(folder, 'sales.csv'), 'city,sold\nRome,3\nOslo,5\n');
  writeFileSync(join(folder, 'picture.bin'), Buffer.from([0, 255, 254, 10]));
  const output = run('Create 3 data visualizations based on the trends in this file.');
  expect(output).toContain('Number of files: 2');
  expect(output).toContain('Column sold: 2 values, mean 4, from 3 to 5');
  expect(writtenFiles(output)).toEqual([]);
});

test('leaves other questions alone', () => {
  expect(dataProgram('Draw me a sheep')).toBeUndefined();
  expect(dataProgram('Hello')).toBeUndefined();
});
