/** Headings and tables in the text that parsers give: what a chunk takes with it, and where it is cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createChunker } from '../../retrieval/chunk-text.ts';
import type { Chunk } from '../../retrieval/index.ts';

function cut(text: string, maxTokens = 100, overlapTokens = 0, isMarked = true): Chunk[] {
  const chunker = createChunker({ maxTokens, overlapTokens }, isMarked);
  return [...chunker.push({ text }), ...chunker.end()];
}

const lines = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => `${line(n)}\n`).join('');
const HEADER = '| Name | Place |\n| --- | --- |';
const table = (rows: number) =>
  `\n${HEADER}\n${lines(rows, (n) => `| name ${n} | place ${n} |`)}\n`;

test('a chunk has the headings above its text, and not those in it', () => {
  const text =
    `# One\n\n${lines(40, (n) => `Words ${n}.`)}\n## Two ##\n${lines(40, (n) => `More ${n}.`)}` +
    `\n# Three\n${lines(40, (n) => `Other ${n}.`)}`;
  const chunks = cut(text);
  expect(chunks[0]!.headings).toEqual([]);
  for (const chunk of chunks.slice(1)) {
    const first = chunk.text.trim().split('\n', 1)[0]!;
    const expected = first.startsWith('Words')
      ? ['One']
      : first.startsWith('More')
        ? ['One', 'Two']
        : first.startsWith('## Two')
          ? ['One']
          : first.startsWith('Other')
            ? ['Three']
            : [];
    expect(chunk.headings, first).toEqual(expected);
  }
});

test('a level that ends takes its lower ones with it', () => {
  const text = `# A\n\n### B\n\n## C\n\n${lines(60, (n) => `Words ${n}.`)}`;
  expect(cut(text).at(-1)!.headings).toEqual(['A', 'C']);
});

test('neither code nor unmarked text has headings', () => {
  const code = `# A\n\n\`\`\`sh\n# not a heading\n\`\`\`\n${lines(60, (n) => `Words ${n}.`)}`;
  expect(cut(code).at(-1)!.headings).toEqual(['A']);
  const unmarked = `# A\n${lines(60, (n) => `Words ${n}.`)}${table(60)}`;
  for (const chunk of cut(unmarked, 100, 0, false)) {
    expect(chunk).toMatchObject({ headings: [], tableHeader: null });
  }
});

test('a table that fits is kept whole', () => {
  const text = `${lines(15, (n) => `Words ${n}.`)}${table(6)}${lines(40, (n) => `Words ${n}.`)}`;
  const [before, whole] = cut(text);
  expect(before!.text).not.toContain('|');
  expect(whole!.text.startsWith(HEADER)).toBe(true);
  expect(whole!.text).toContain('| name 5 | place 5 |');
  expect(whole!.tableHeader).toBeNull();
});

test.each([0, 50])('a longer one is cut between its rows, with %i tokens repeated', (overlap) => {
  const chunks = cut(table(80), 100, overlap);
  expect(chunks.length).toBeGreaterThan(5);
  expect(chunks[0]!.tableHeader).toBeNull();
  for (const { text, tableHeader } of chunks.slice(1)) {
    expect(tableHeader).toBe(HEADER);
    expect(text).toMatch(/^\| name \d+ \| place \d+ \|\n/);
    expect(text.trimEnd()).toMatch(/\|$/);
  }
});

test('text after a table is not part of it', () => {
  const after = cut(`${table(30)}${lines(60, (n) => `Words ${n}.`)}`).at(-1)!;
  expect(after.tableHeader).toBeNull();
});

test('a row that fits into no chunk is cut like other text', () => {
  const chunks = cut(`\n${HEADER}\n| ${'word '.repeat(500)}| x |\n`);
  expect(chunks.length).toBeGreaterThan(4);
});

test('every character is in a chunk, and a chunk is what its places say', () => {
  const part = fc.constantFrom(
    '# A\n',
    '## B\n',
    '\n',
    '| a | b |\n',
    '| --- | --- |\n',
    '```\n',
    'word ',
    'End.\n',
    '|',
    '#',
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 300 }),
      fc.integer({ min: 0, max: 50 }),
      (parts, overlap) => {
        const text = parts.join('');
        let end = 0;
        for (const chunk of cut(text, 100, overlap)) {
          expect(chunk.tokens).toBeLessThanOrEqual(100);
          expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text);
          expect(text.slice(end, Math.max(end, chunk.start)).trim()).toBe('');
          end = chunk.end;
        }
        expect(text.slice(end).trim()).toBe('');
      },
    ),
  );
});
