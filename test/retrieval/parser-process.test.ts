/** What a parsing process may not do, and that nothing keeps it alive. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { text as readText } from 'node:stream/consumers';
import { expect, test } from 'vitest';

import { PARSE_LIMITS, createParserPool, extractChunks } from '../../retrieval/index.ts';
import { startParser, startProcess } from '../../retrieval/parser-process.ts';
import { chunksOf, CHUNKING, fileOf } from './support/extract.ts';

const PROBE = fileURLToPath(new URL('support/probe.ts', import.meta.url));
const GREEDY = fileURLToPath(new URL('support/greedy.ts', import.meta.url));
const MEBIBYTE = 1024 * 1024;

/** Far more than can be parsed in a second. */
async function* endless() {
  const part = Buffer.from('words without end and number 12345. '.repeat(1_000));
  for (;;) yield part;
}

const ENDLESS = { filename: 'a.txt', bytes: Number.MAX_SAFE_INTEGER, read: endless };
const UNLIMITED = { tokens: Number.MAX_SAFE_INTEGER };

test('the process reads its code and nothing else, writes and starts nothing', async () => {
  const child = startProcess(PARSE_LIMITS, PROBE);
  child.stdin.end();
  const { outcome, environment, cwd } = JSON.parse(await readText(child.stdout)) as {
    outcome: Record<string, boolean>;
    environment: string[];
    cwd: string;
  };
  const allowed = Object.keys(outcome).filter((name) => outcome[name]);
  expect(allowed).toEqual(['read its code', 'read our package.json']);
  expect(Object.keys(outcome)).toHaveLength(13);
  expect(environment).toEqual([]);
  expect(cwd).toBe('/');
});

test.runIf(process.platform === 'linux').each([
  ['time', { cpuSeconds: 1, memoryBytes: 256 * MEBIBYTE }],
  ['heap', { cpuSeconds: 60, memoryBytes: 128 * MEBIBYTE }],
  ['buffers', { cpuSeconds: 60, memoryBytes: 128 * MEBIBYTE }],
])(
  'the kernel or the runtime ends a process that takes too much %s, without help',
  async (what, limits) => {
    const child = startProcess(limits, GREEDY);
    child.stderr.resume();
    child.stdin.write(`${what}\n`);
    let peak = 0;
    const watch = setInterval(() => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    }, 50);
    try {
      await once(child, 'exit');
    } finally {
      clearInterval(watch);
    }
    expect(child.exitCode).not.toBe(0);
    expect(peak).toBeLessThan(limits.memoryBytes * 2);
  },
);

test('a parser that stands still for long is no verdict on its file', async () => {
  const parser = startParser(PARSE_LIMITS);
  parser.process.kill('SIGSTOP');
  const reuse = { pool: { ...createParserPool(0), take: () => parser }, owner: 'everyone' };
  const parsing = chunksOf('a.txt', 'text', { reuse, limits: { wallMs: 1_000 } });
  await expect(parsing).rejects.toMatchObject({
    name: 'Error',
    message: 'The parser was not done within 1 seconds.',
  });
});

test.runIf(process.platform === 'linux')(
  'a parser that works, or waits for a processor, is given the time that others take',
  async () => {
    const parsing = collect(
      extractChunks(ENDLESS, {
        ...CHUNKING,
        limits: { ...UNLIMITED, wallMs: 300, cpuSeconds: 2 },
        isBusy: () => false,
      }),
    );
    await expect(parsing).rejects.toMatchObject({
      message: 'Parsing the file takes more than 2 seconds of processor time.',
    });
  },
);

test.runIf(process.platform === 'linux')(
  'a file that takes too much processor time beside other work is parsed once more, at a quieter moment',
  async () => {
    const slow = startParser({ ...PARSE_LIMITS, cpuSeconds: 1 });
    const pool = { ...createParserPool(0), take: () => slow };
    const busy = [true, true, false];
    const text = 'A sentence of some words, and then another. '.repeat(500_000);
    const chunks = await chunksOf('a.txt', text, {
      reuse: { pool, owner: 'everyone' },
      limits: UNLIMITED,
      isBusy: () => busy.shift() ?? false,
    });
    expect(slow.process.signalCode).toBe('SIGXCPU');
    expect(busy).toEqual([]);
    expect(chunks.at(-1)?.end).toBe(text.length);
  },
);

test('a parser that was stopped for longer than it may work goes on', async () => {
  const parser = startParser({ ...PARSE_LIMITS, cpuSeconds: 1 });
  parser.process.kill('SIGSTOP');
  setTimeout(() => parser.process.kill('SIGCONT'), 1_500);
  const pool = { ...createParserPool(0), take: () => parser };
  const reuse = { pool, owner: 'everyone' };
  const chunks = await chunksOf('a.html', '<p>read all the same', { reuse });
  expect(chunks.map(({ text }) => text).join()).toContain('read all the same');
});

test.runIf(process.platform === 'linux')(
  'a file that takes too much processor time is refused',
  async () => {
    const parsing = collect(
      extractChunks(ENDLESS, {
        ...CHUNKING,
        limits: { ...UNLIMITED, cpuSeconds: 1 },
        isBusy: () => false,
      }),
    );
    await expect(parsing).rejects.toMatchObject({
      name: 'DocumentError',
      code: 'invalid_file',
      message: 'Parsing the file takes more than 1 seconds of processor time.',
    });
  },
);

test('the reader’s own time does not count', async () => {
  const chunks = extractChunks(ENDLESS, { ...CHUNKING, limits: { ...UNLIMITED, wallMs: 1_500 } });
  await chunks.next();
  const until = performance.now() + 2_000;
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
  expect((await chunks.next()).done).toBe(false);
  await chunks.return(undefined);
});

test('an aborted call throws the reason, before and while it parses', async () => {
  const reason = new Error('the store was deleted');
  const controller = new AbortController();
  const chunks = extractChunks(ENDLESS, {
    ...CHUNKING,
    signal: controller.signal,
    limits: UNLIMITED,
  });
  await chunks.next();
  controller.abort(reason);
  await expect(collect(chunks)).rejects.toBe(reason);
  await expect(chunksOf('a.txt', 'text', { signal: controller.signal })).rejects.toBe(reason);
});

test('what reading the file throws is thrown', async () => {
  const reason = new Error('the database is gone');
  const file = {
    ...fileOf('a.txt', ''),
    bytes: 100,
    async *read() {
      yield Buffer.from('text');
      throw reason;
    },
  };
  await expect(collect(extractChunks(file, CHUNKING))).rejects.toBe(reason);
});

test('a reader that stops ends the process, and the reading of the file', async () => {
  const ended = Promise.withResolvers<void>();
  const file = {
    ...ENDLESS,
    async *read() {
      try {
        yield* endless();
      } finally {
        ended.resolve();
      }
    },
  };
  for await (const chunk of extractChunks(file, { ...CHUNKING, limits: UNLIMITED })) {
    expect(chunk.start).toBe(0);
    break;
  }
  await ended.promise;
});

test('a file larger than its kind may be is refused unread', async () => {
  const file = { ...fileOf('a.pdf', ''), bytes: PARSE_LIMITS.documentBytes + 1, read: endless };
  await expect(collect(extractChunks(file, CHUNKING))).rejects.toMatchObject({
    code: 'invalid_file',
  });
});

test('100 MB of text pass through both processes without being kept', async () => {
  const part = Buffer.from('Sentences of common words, 12 or 13 in each of them.\n'.repeat(1_200));
  const parts = Math.ceil((100 * MEBIBYTE) / part.length);
  const file = {
    filename: 'a.txt',
    bytes: parts * part.length,
    async *read() {
      for (let index = 0; index < parts; index += 1) yield part;
    },
  };
  const before = process.memoryUsage.rss();
  let peak = before;
  let end = 0;
  // Less for the parser than the text alone would take in its memory.
  const limits = { ...UNLIMITED, memoryBytes: 200 * MEBIBYTE };
  for await (const chunk of extractChunks(file, { ...CHUNKING, limits })) {
    expect(chunk.start).toBeLessThanOrEqual(end);
    end = chunk.end;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  expect(end).toBe(file.bytes);
  expect(peak - before).toBeLessThan(128 * MEBIBYTE);
}, 120_000);

async function collect<Item>(items: AsyncIterable<Item>): Promise<void> {
  for await (const _ of items);
}
