/**
 * Files made to break a parser, one after the other in the same processes where these bear it. Each is refused with a
 * reason or indexed within ten seconds, this process, which stands for a worker, hardly grows meanwhile, and the next
 * file is read as if nothing had been.
 */
import { afterAll, expect, test } from 'vitest';

import { DocumentError, createParserPool, extractChunks } from '../../retrieval/index.ts';
import type { Chunk } from '../../retrieval/index.ts';
import { ARCHIVES } from './support/hostile-archives.ts';
import { PAGES, TEXTS } from './support/hostile-files.ts';
import { OFFICE } from './support/hostile-office.ts';
import { PDFS } from './support/hostile-pdfs.ts';
import { CHUNKING, chunksOf, fileOf } from './support/extract.ts';

const MOST_BYTES = 256 * 1024 * 1024;
/** Of processor time: the default of a minute, shortened. */
const LIMITS = { cpuSeconds: 7 };
/** A slow computer may refuse for its time what a fast one indexes, but not most of it. */
const MOST_LATE = 12;
let late = 0;

const pool = createParserPool(1);
const reuse = { pool, owner: 'everyone' };
/** No file waits for a quieter moment. */
const isBusy = () => false;
afterAll(() => pool[Symbol.asyncDispose]());

const NEXT = '<title>The next file</title><p>is read as it is.';
const NEXT_TEXT = /^The next file\s+is read as it is\.\s*$/;

test.each([...ARCHIVES, ...OFFICE, ...PDFS, ...PAGES, ...TEXTS])(
  '%s',
  async (_, extension, make, becomes) => {
    const file = fileOf(`file.${extension}`, make());
    const before = process.memoryUsage.rss();
    const { text, chunks, error, peak } = await index(file);
    expect(peak - before).toBeLessThan(MOST_BYTES);
    if (error !== undefined) expectReason(error);
    else expect(chunks).toBeGreaterThan(0);
    const isLate = /of processor time/.test(error?.message ?? '');
    late += isLate ? 1 : 0;
    if (isLate) expect(late).toBeLessThanOrEqual(MOST_LATE);
    else if (typeof becomes === 'string') expect(text).toContain(becomes);
    else if (becomes !== undefined) expect(error?.message ?? text).toMatch(becomes);
    expect(text).not.toMatch(/root:x:0|steal|\0/);
    expect(text.isWellFormed()).toBe(true);
    const next = await chunksOf('next.html', NEXT, { reuse });
    expect(next.map((chunk) => chunk.text).join()).toMatch(NEXT_TEXT);
  },
  300_000,
);

type Outcome = { text: string; chunks: number; error: Error | undefined; peak: number };

/** Keeps the beginning and the end of what comes, as a reader with a database would keep none of it. */
async function index(file: ReturnType<typeof fileOf>): Promise<Outcome> {
  const outcome: Outcome = { text: '', chunks: 0, error: undefined, peak: 0 };
  let last: Chunk | undefined;
  try {
    for await (const chunk of extractChunks(file, { ...CHUNKING, limits: LIMITS, reuse, isBusy })) {
      outcome.chunks += 1;
      outcome.peak = Math.max(outcome.peak, process.memoryUsage.rss());
      if (outcome.chunks < 10) outcome.text += chunk.text;
      last = chunk;
    }
  } catch (error) {
    outcome.error = error as Error;
  }
  outcome.text += outcome.chunks < 10 ? '' : (last?.text ?? '');
  outcome.peak = Math.max(outcome.peak, process.memoryUsage.rss());
  return outcome;
}

/** One sentence for the file's owner. */
function expectReason(error: Error): void {
  expect(error).toBeInstanceOf(DocumentError);
  expect(error.message).toMatch(/^[A-Z].{10,200}\.$/s);
}
