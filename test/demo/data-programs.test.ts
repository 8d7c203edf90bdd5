import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataProgram, writtenFiles } from '../../demo/data-programs.ts';
import type { Workspace } from '../../demo/workspace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const FOLDER = '/mnt/data';
const PYPLOT: Workspace = { packages: new Set(['matplotlib']), files: [] };

/** In a folder of the test's own, so that nothing outside of it is touched. */
function run(question: string, workspace?: Workspace): string {
  const program = dataProgram(question, workspace)!.replaceAll(FOLDER, folder);
  const env = { MPLBACKEND: 'agg', MPLCONFIGDIR: folder };
  // The system's own Python: there the packages of the sandbox are installed.
  return execFileSync('/usr/bin/python3', ['-I', '-c', program], { encoding: 'utf8', env });
}

test.each([
  ['Plot y = x^2 from -2 to 2', 'x^2 lies between 0 and 4', '<polyline'],
  [
    'draw a graph of sin(t)',
    'sin(t) for t from -5 to 5; sin(t) lies between -1 and 1',
    '<polyline',
  ],
  ['Plot a sine', 'sin(x) for x from 0 to 2 pi; sin(x) lies between -1 and 1', '<polyline'],
  ['plot 1/x', '1/x lies between', '<polyline'],
  ['plot sin(x) and cos(x) from -pi to pi', 'for x from -pi to pi', '</svg>'],
  ['Make a bar chart of 3, 5 and 8', '3 bars, up to 8', '<rect'],
])('draws without matplotlib: %s', (question, printed, drawn) => {
  const output = run(question);
  expect(output).toContain(printed);
  expect(writtenFiles(output)).toEqual(['chart.svg']);
  expect(readFileSync(join(folder, 'chart.svg'), 'utf8')).toContain(drawn);
});

test.each([
  ['Plot a sine and a cosine and save the picture', 'the figure shows sin(x) and cos(x)'],
  ['Plot ln(x) from 1 to 3, for download', 'ln(x) lies between 0 and 1.099'],
  ['Save a bar chart of 3, 5 and 8 as a png', 'the figure shows 3 bars, up to 8'],
])('draws with matplotlib, and saves a picture when asked: %s', (question, printed) => {
  const output = run(question, PYPLOT);
  expect(output).toContain(`Answer: `);
  expect(output).toContain(printed);
  expect(writtenFiles(output)).toEqual(['chart.png']);
  expect(readFileSync(join(folder, 'chart.png')).subarray(1, 4).toString()).toBe('PNG');
});

test('writes no file when a figure is enough', () => {
  expect(dataProgram('Plot a sine', PYPLOT)).toMatch(/plt\.plot[^]*plt\.show\(\)/);
  expect(dataProgram('Plot a sine', PYPLOT)).not.toContain('savefig');
});

const SALES = 'region,units,revenue\nNorth,3,10.5\nSouth,5,20\nNorth,4,30.25\n';

describe.each([['pandas'], ['csv']])('summarises a table with %s', (library) => {
  const workspace: Workspace = {
    packages: new Set([library]),
    files: [{ path: `${FOLDER}/file-1`, name: 'sales.csv' }],
  };

  test.each([
    ['Summarise total revenue per region', 'region,revenue\nNorth,40.75\nSouth,20\n'],
    ['Sum by region', 'region,units,revenue\nNorth,7,40.75\nSouth,5,20\n'],
    [
      'the mean and the maximum of units for each region',
      'region,units_mean,units_max\nNorth,3.5,4\nSouth,5,5\n',
    ],
    [
      'Summarise it as a new CSV',
      'column,count,sum,mean,min,max\nunits,3,12,4,3,5\nrevenue,3,60.75,20.25,10.5,30.25\n',
    ],
  ])('%s', (question, expected) => {
    writeFileSync(join(folder, 'file-1'), SALES);
    const program = dataProgram(question, workspace)!;
    expect(program).toContain(library === 'pandas' ? 'import pandas as pd' : 'import csv');
    const output = run(question, workspace);
    expect(writtenFiles(output)).toEqual(['sales_summary.csv']);
    expect(output).toMatch(/^Answer: 3 rows of sales\.csv became a summary of 2 /m);
    const written = readFileSync(join(folder, 'sales_summary.csv'), 'utf8');
    // pandas writes 20.0 where a whole column is of floats.
    expect(written.replace(/\.0\b/g, '')).toBe(expected);
  });
});

test('draws the columns of a file, as many charts as asked for', () => {
  writeFileSync(join(folder, 'sales.csv'), SALES);
  const files = [{ path: `${FOLDER}/sales.csv`, name: 'sales.csv' }];
  const workspace = { packages: PYPLOT.packages, files };
  const output = run('Create 3 data visualizations based on the trends in this file.', workspace);
  expect(output).toContain('units as bar, revenue as bar, units as line.');
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
