import { expect, test } from 'vitest';
import type { Message } from '../../demo/request.ts';
import { fileInQuestion, readWorkspace, withoutFiles } from '../../demo/workspace.ts';

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: string): Message => ({ role: 'user', content });
const ID = 'file-AbCdEf0123456789abcdefgh';
const OTHER = 'file-ZyXwVu9876543210zyxwvuts';

test.each([
  ['Installed packages: numpy 1.24.2, pandas 1.5.3, matplotlib 3.6.3. Draw one chart per figure.'],
  ['# Packages\nThese packages are there:\n- numpy 1.24.2\n- pandas 1.5.3\n- matplotlib\n\nMore.'],
  ['The packages are: pandas 2.0; numpy; matplotlib.'],
])('reads the packages: %s', (text) => {
  const { packages } = readWorkspace([system('Be kind.'), system(text)]);
  expect([...packages].filter((name) => name !== 'numpy').toSorted()).toEqual([
    'matplotlib',
    'pandas',
  ]);
});

test('believes in no package that is only spoken of', () => {
  const text = 'Installed packages: the standard library only. Use pandas, matplotlib if possible.';
  const { packages } = readWorkspace([system(text), user('packages: pandas')]);
  expect(packages.has('pandas') || packages.has('matplotlib')).toBe(false);
});

test.each([
  [`Files: /mnt/data/${ID} (also /mnt/data/sales.csv)`, '/mnt/data/sales.csv'],
  [`- sales.csv: /mnt/data/${ID}`, `/mnt/data/${ID}`],
  [`${ID} "my sales.csv"`, `/mnt/data/${ID}`],
  [`The user attached sales.csv (${ID}) at /mnt/data/sales.csv.`, '/mnt/data/sales.csv'],
  ['/mnt/data/sales.csv', '/mnt/data/sales.csv'],
])('finds a file and its path: %s', (text, path) => {
  const { files } = readWorkspace([system(text)]);
  expect(files).toEqual([{ path, name: 'sales.csv' }]);
});

test('tells several files apart, in either order of id and name', () => {
  const names = (text: string) => readWorkspace([system(text)]).files.map(({ name }) => name);
  expect(names(`a.csv (${ID}), b.csv (${OTHER})`)).toEqual(['a.csv', 'b.csv']);
  expect(names(`/mnt/data/${ID} = a.csv\n/mnt/data/${OTHER} = b.csv`)).toEqual(['a.csv', 'b.csv']);
  expect(names(`/mnt/data/${ID}, /mnt/data/${OTHER}`)).toEqual([ID, OTHER]);
});

test('takes no link for a file, nor what was deleted', () => {
  const prompt = `Link it as in [report.csv](sandbox:/mnt/data/report.csv). Files are in /mnt/data.
Deleted since they were given: ${ID}.`;
  expect(readWorkspace([system(prompt)]).files).toEqual([]);
});

test('chooses the file that is named, else the last table', () => {
  const workspace = readWorkspace([
    system(`a.csv (${ID}), notes.txt (${OTHER})`),
    user('Here is b.csv'),
  ]);
  expect(fileInQuestion(workspace, 'Summarise a.csv')?.name).toBe('a.csv');
  expect(fileInQuestion(workspace, 'Read notes.txt')?.path).toBe(`/mnt/data/${OTHER}`);
  expect(fileInQuestion(workspace, 'Summarise it')?.path).toBe('/mnt/data/b.csv');
  expect(fileInQuestion({ packages: new Set(), files: [] }, 'Summarise it')).toBeUndefined();
});

test('ids and paths are no arithmetic', () => {
  expect(withoutFiles('What is 1 + 2? [file-9x2 at /mnt/data/3-4.csv]').match(/\d/g)).toEqual([
    '1',
    '2',
  ]);
});
