/** Parsers that go from file to file, and what that must not change. */
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

import { PARSE_LIMITS, createParserPool, extractChunks } from '../../retrieval/index.ts';
import type { ExtractOptions, ParserPool } from '../../retrieval/index.ts';
import { startParser } from '../../retrieval/parser-process.ts';
import type { Parser } from '../../retrieval/parser-process.ts';
import { docx, pdf } from './support/documents.ts';
import { CHUNKING, chunksOf, fileOf } from './support/extract.ts';

const RESTLESS = fileURLToPath(new URL('support/restless.ts', import.meta.url));
const TEXT = 'A sentence of some words, and then another. '.repeat(400);

test('files of every kind go through one process, one after the other, and become what they become alone', async () => {
  await using pool = createParserPool(2);
  const files: [string, string | Buffer][] = [
    ['a.pdf', pdf([['Page one'], ['Page two']])],
    ['a.docx', docx('<w:p><w:r><w:t>Paragraph</w:t></w:r></w:p>')],
    ['a.html', '<title>Title</title><p>Text'],
    ['a.txt', TEXT],
    ['b.pdf', pdf([['Another page']])],
    ['b.txt', `${TEXT}😀`],
  ];
  const pids: (number | undefined)[] = [];
  let parser: Parser | undefined;
  for (const [name, content] of files) {
    const chunks = await chunksOf(name, content, { reuse: lend(pool, parser) });
    expect(chunks, name).toEqual(await chunksOf(name, content));
    parser = await taken(pool);
    pids.push(parser.process.pid);
  }
  expect(new Set(pids).size).toBe(1);
  await parser?.end();
});

test('a process reads files of one owner alone', async () => {
  await using pool = createParserPool(2);
  await chunksOf('a.txt', TEXT, { reuse: { pool, owner: 'one' } });
  const parser = await taken(pool);
  expect(parser.used).toBe(true);
  expect(pool.take('one')).toBeUndefined();
  expect(pool.take('two')).toBeUndefined();
  await parser.end();
});

test('a process that refuses a file is ended', async () => {
  await using pool = createParserPool(2);
  const refused = chunksOf('a.pdf', 'no PDF', { reuse: { pool, owner: 'one' } });
  await expect(refused).rejects.toMatchObject({ code: 'invalid_file' });
  expect(pool.take('one')).toBeUndefined();
});

test.runIf(process.platform === 'linux')(
  'a file that breaks a used process is read again by a new one, without a chunk twice',
  async () => {
    await using pool = createParserPool(2);
    const parser = startParser({ ...PARSE_LIMITS, cpuSeconds: 1 });
    await chunksOf('a.txt', TEXT, { reuse: lend(pool, parser) });
    const used = await taken(pool);
    expect(used.process.pid).toBe(parser.process.pid);
    // More than the second of processor time that this process has.
    const long = TEXT.repeat(800);
    const ends: number[] = [];
    for await (const { start, end } of extractChunks(fileOf('b.txt', long), {
      ...CHUNKING,
      reuse: lend(pool, used),
    })) {
      expect(start).toBeLessThanOrEqual(ends.at(-1) ?? 0);
      expect(end).toBeGreaterThan(ends.at(-1) ?? 0);
      ends.push(end);
    }
    expect(ends.at(-1)).toBe(long.length);
    expect(used.process.signalCode).toBe('SIGXCPU');
  },
);

test('a process in which something still runs after its file is ended', async () => {
  await using pool = createParserPool(2);
  const parser = startParser(PARSE_LIMITS, RESTLESS);
  await chunksOf('a.txt', TEXT, { reuse: lend(pool, parser) });
  await parser.closed;
  expect(parser.process.signalCode).toBe('SIGKILL');
});

test('a process that nobody needs is ended, and so are all with the pool', async () => {
  await using brief = createParserPool(2, 1);
  const idle = startParser(PARSE_LIMITS);
  await chunksOf('a.txt', TEXT, { reuse: lend(brief, idle) });
  await idle.closed;
  await using small = createParserPool(1);
  const parsers = [startParser(PARSE_LIMITS), startParser(PARSE_LIMITS)] as const;
  for (const parser of parsers) await chunksOf('a.txt', TEXT, { reuse: lend(small, parser) });
  await Promise.race(parsers.map(({ closed }) => closed));
  await small[Symbol.asyncDispose]();
  for (const { process: child } of [idle, ...parsers]) expect(child.signalCode).toBe('SIGKILL');
});

/** The pool, with this parser as what it has ready. */
function lend(pool: ParserPool, parser: Parser | undefined): ExtractOptions['reuse'] {
  let lent = parser;
  const take = () => {
    const next = lent;
    lent = undefined;
    return next;
  };
  return { pool: { ...pool, take }, owner: 'one' };
}

/** What comes back is ready a moment later. */
async function taken(pool: ParserPool): Promise<Parser> {
  return vi.waitUntil(() => pool.take('one'), { interval: 5, timeout: 30_000 });
}
