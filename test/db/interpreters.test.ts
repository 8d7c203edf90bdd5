import { afterAll, beforeAll, expect, test } from 'vitest';

import type { StoredBlob } from '../../db/blobs/blobs.ts';
import { collectBlobs } from '../../db/blobs/blobs.ts';
import { writeBlob } from '../../db/blobs/write-blob.ts';
import type { Lease, StoredVersion } from '../../db/interpreters/interpreter-lease.ts';
import {
  extendLease,
  InterpreterQueue,
  releaseLease,
  takeLease,
} from '../../db/interpreters/interpreter-lease.ts';
import type { NewState } from '../../db/interpreters/interpreters.ts';
import {
  listInterpreterFiles,
  readWholeBlob,
  storeCell,
} from '../../db/interpreters/interpreters.ts';
import { linkFiles } from '../../db/files/linked-files.ts';
import { Listener } from '../../db/core/listener.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { FencedError } from '../../db/events/run-events.ts';
import { StaleCallError } from '../../db/turns/tool-calls.ts';
import { openToolStep } from '../../db/turns/open-step.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { finishTurn } from '../../db/turns/finish-turn.ts';
import { codeOpened } from '../../wire/events.ts';
import type { ThreadId, ToolCallId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const NOTHING_USED = {
  prompt_tokens: 0,
  completion_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
};

type CodeRun = { run: RunRow; calls: ToolCallId[] };

/** A run whose model has just called code so many times in one turn. */
async function codeRun(count = 1): Promise<CodeRun> {
  const { pool } = database;
  const queued = await database.queueRun();
  const ref = { runId: queued.run.id, turn: 0, owner: 'model' };
  const claim = await claimTurn(pool, ref);
  if (claim.kind !== 'claimed') throw new Error('The turn was not claimed.');
  const calls = Array.from({ length: count }, () => mintId('tool_call'));
  await openToolStep(pool, claim.run, ref, (stepId) => codeOpened(stepId, 0, calls[0]!));
  await finishTurn(pool, ref, {
    status: 'in_progress',
    usage: NOTHING_USED,
    message: null,
    toolCalls: calls.map((id, index) => ({
      index,
      id,
      type: 'code_interpreter',
      name: 'code_interpreter',
      input: '',
      result: null,
    })),
    upstream: null,
  });
  return { run: claim.run, calls };
}

async function blob(text: string): Promise<StoredBlob> {
  // oxlint-disable-next-line typescript/require-await -- a blob's source is asynchronous
  async function* source(): AsyncGenerator<Buffer> {
    yield Buffer.from(text);
  }
  return writeBlob(database.pool, database.projectId, source(), { maxBytes: 1_000 });
}

async function take({ run, calls }: CodeRun, index = 0, owner = 'me') {
  const lease = await takeLease(database.pool, run.id, calls[index]!, owner);
  if (lease === undefined) throw new Error('The lease was not to be had.');
  return lease;
}

/** The end of a call, with these files of these contents. */
async function store(
  { run, calls }: CodeRun,
  lease: Lease & StoredVersion,
  files: Record<string, string> = {},
  change: Partial<NewState> = {},
  index = 0,
) {
  const changed = await Promise.all(
    Object.entries(files).map(async ([path, text]) => ({ path, blob: await blob(text) })),
  );
  const state = {
    version: `v${lease.epoch}`,
    unsaved: [],
    changed,
    removed: [],
    namespaceBlobId: null,
    ...change,
  };
  const call = { runId: run.id, callId: calls[index]! };
  return storeCell(database.pool, lease, call, {
    outputs: [{ type: 'logs', logs: 'x' }],
    state,
    ms: 5,
  });
}

/** The thread's next run, with one code call. */
async function nextRun(before: CodeRun): Promise<CodeRun> {
  const { pool } = database;
  await pool.query(`update runs set status = 'completed' where id = $1`, [before.run.id]);
  const next = await codeRun();
  await pool.query('update runs set thread_id = $2 where id = $1', [
    next.run.id,
    before.run.thread_id,
  ]);
  return { ...next, run: { ...next.run, thread_id: before.run.thread_id } };
}

async function contents(threadId: ThreadId): Promise<Record<string, string>> {
  const files = await listInterpreterFiles(database.pool, threadId);
  const read = files.map(async ({ path, blobId }) => [
    path,
    String(await readWholeBlob(database.pool, blobId)),
  ]);
  return Object.fromEntries(await Promise.all(read)) as Record<string, string>;
}

async function countBlobs(): Promise<number> {
  await collectBlobs(database.pool, 0);
  const { rows } = await database.pool.query<{ count: number }>('select count(*) from blobs');
  return rows[0]!.count;
}

const expire = (lease: Lease) =>
  database.pool.query(
    `update interpreters set lease_until = clock_timestamp() - interval '1 ms' where thread_id = $1`,
    [lease.threadId],
  );

test('the code calls of a turn run in their order, one at a time', async () => {
  const turn = await codeRun(3);
  expect(await takeLease(database.pool, turn.run.id, turn.calls[1]!, 'b')).toBeUndefined();
  const first = await take(turn);
  expect(first).toMatchObject({ version: null, unsaved: [], namespace: null, epoch: 1 });
  expect(await takeLease(database.pool, turn.run.id, turn.calls[0]!, 'b')).toBeUndefined();
  expect(await store(turn, first)).toEqual({ kind: 'done' });
  expect(await takeLease(database.pool, turn.run.id, turn.calls[2]!, 'c')).toBeUndefined();
  const second = await take(turn, 1);
  expect(second).toMatchObject({ version: 'v1', epoch: 2 });
  await releaseLease(database.pool, second);
  expect(await takeLease(database.pool, turn.run.id, turn.calls[2]!, 'c')).toBeUndefined();
  expect((await take(turn, 1, 'again')).epoch).toBe(3);
});

test('a lease that was not extended is taken over, and its attempt stores nothing', async () => {
  const turn = await codeRun();
  const late = await take(turn, 0, 'late');
  await extendLease(database.pool, late);
  await expire(late);
  const next = await take(turn, 0, 'next');
  await expect(extendLease(database.pool, late)).rejects.toThrow(FencedError);
  await expect(store(turn, late, { a: 'late' })).rejects.toThrow(FencedError);
  await releaseLease(database.pool, late);
  expect(await contents(next.threadId)).toEqual({});
  const { rows } = await database.pool.query('select result from tool_calls where id = $1', [
    turn.calls[0],
  ]);
  expect(rows).toEqual([{ result: null }]);
  await store(turn, next, { a: 'next' });
  expect(await contents(next.threadId)).toEqual({ a: 'next' });
});

test('a call has one result, and a run that is being cancelled takes none', async () => {
  const turn = await codeRun(2);
  const lease = await take(turn);
  await store(turn, lease, { a: '1' });
  await expect(store(turn, lease, { a: '2' })).rejects.toThrow(StaleCallError);
  const second = await take(turn, 1);
  await database.pool.query(`update runs set status = 'cancelling' where id = $1`, [turn.run.id]);
  const stored = store(turn, second, { a: '3' }, {}, 1);
  await expect(stored).rejects.toMatchObject({ result: { kind: 'stopped' } });
  expect(await contents(lease.threadId)).toEqual({ a: '1' });
  expect(await takeLease(database.pool, turn.run.id, turn.calls[1]!, 'x')).toBeUndefined();
});

test('whoever waits for a Python is woken when its lease is given up', async () => {
  const listener = new Listener(database.url, 'test-listener');
  await using _ = listener;
  using queue = new InterpreterQueue(listener);
  await listener.start();
  const turn = await codeRun(2);
  const first = await take(turn);
  let tries = 0;
  const signal = AbortSignal.timeout(30_000);
  const waiting = queue.until(first.threadId, signal, () => {
    tries += 1;
    return takeLease(database.pool, turn.run.id, turn.calls[1]!, 'waiting');
  });
  await expect.poll(() => tries).toBe(1);
  await store(turn, first);
  expect((await waiting).owner).toBe('waiting');
  const abandoned = queue.until(first.threadId, signal, () => {
    tries += 1;
    return Promise.resolve(undefined);
  });
  queue.abandon(first.threadId, new Error('nobody can run it'));
  await expect(abandoned).rejects.toThrow('nobody can run it');
  const aborted = queue.until(first.threadId, AbortSignal.abort('enough'), () => Promise.resolve());
  await expect(aborted).rejects.toBe('enough');
});

test('equal content is stored once, and what was replaced or removed is gone', async () => {
  const before = await countBlobs();
  const one = await codeRun();
  await store(one, await take(one), { a: 'same', b: 'same', c: 'old', d: 'gone' });
  expect(await countBlobs()).toBe(before + 3);
  const two = await nextRun(one);
  await store(two, await take(two), { c: 'same', e: 'old' }, { removed: ['d', 'never'] });
  expect(await contents(one.run.thread_id)).toEqual({ a: 'same', b: 'same', c: 'same', e: 'old' });
  expect(await countBlobs()).toBe(before + 2);
});

test('variables are replaced, kept, or gone', async () => {
  const before = await countBlobs();
  const one = await codeRun();
  const pickled = await blob('variables');
  await store(one, await take(one), {}, { namespaceBlobId: pickled.id, unsaved: ['f', 'gen'] });
  const two = await nextRun(one);
  const kept = await take(two);
  expect(kept).toMatchObject({ unsaved: ['f', 'gen'], namespace: { blobId: pickled.id } });
  await store(two, kept, {}, { namespaceBlobId: pickled.id });
  const three = await nextRun(two);
  const replaced = await take(three);
  expect(replaced).toMatchObject({ unsaved: [], namespace: { blobId: pickled.id } });
  await store(three, replaced, {}, { namespaceBlobId: (await blob('others')).id });
  expect(await countBlobs()).toBe(before + 1);
  const four = await nextRun(three);
  await store(four, await take(four));
  expect(await countBlobs()).toBe(before);
});

test('a Python that died leaves the state before its cell, and the result', async () => {
  const one = await codeRun();
  await store(one, await take(one), { a: '1' });
  const two = await nextRun(one);
  const lease = await take(two);
  const call = { runId: two.run.id, callId: two.calls[0]! };
  await storeCell(database.pool, lease, call, {
    outputs: [{ type: 'logs', logs: 'died' }],
    state: null,
    ms: 5,
  });
  const three = await nextRun(two);
  expect(await take(three)).toMatchObject({ version: 'v1', epoch: 3 });
  expect(await contents(one.run.thread_id)).toEqual({ a: '1' });
});

test('an image of a cell is a file of the project', async () => {
  const turn = await codeRun();
  const lease = await take(turn);
  const [first, second] = [await blob('png 1'), await blob('png 2')];
  const call = { runId: turn.run.id, callId: turn.calls[0]! };
  await storeCell(database.pool, lease, call, {
    outputs: [
      { type: 'image', blob: first },
      { type: 'logs', logs: 'x' },
      { type: 'image', blob: second },
    ],
    state: null,
    ms: 5,
  });
  const { rows } = await database.pool.query(
    `select f.filename, f.purpose, f.blob_id from tool_calls c, jsonb_array_elements(c.result->'outputs') o
     join files f on f.id = o->'image'->>'file_id' where c.id = $1 order by f.id`,
    [turn.calls[0]],
  );
  expect(rows).toEqual([
    { filename: 'image-1.png', purpose: 'assistants_output', blob_id: first.id },
    { filename: 'image-2.png', purpose: 'assistants_output', blob_id: second.id },
  ]);
});

/** The annotations of a message with this text, as [path as linked, file id]. */
async function link(run: RunRow, text: string): Promise<[string, string][]> {
  const content = [{ type: 'text' as const, text: { value: text, annotations: [] } }];
  const linked = await withTransaction(database.pool, (tx) =>
    linkFiles(tx, run, mintId('message'), content),
  );
  const [part] = linked.content;
  if (part?.type !== 'text') throw new Error('The text is gone.');
  expect(linked.events).toHaveLength(part.text.annotations.length === 0 ? 0 : 1);
  return part.text.annotations.map((annotation) => [
    annotation.text,
    annotation.type === 'file_path' ? annotation.file_path.file_id : '',
  ]);
}

test('a linked file is made once as long as its content stays the same', async () => {
  const one = await codeRun();
  await store(one, await take(one), { 'a.txt': '1', 'deep/b.txt': '1' });
  const [a, b, again] = await link(
    one.run,
    'sandbox:/mnt/data/a.txt sandbox:/mnt/data/deep/b.txt sandbox:/mnt/data/a.txt sandbox:/mnt/data/c',
  );
  expect(again).toEqual(a);
  expect(b![1]).not.toBe(a![1]);
  const names = await database.pool.query('select filename, bytes from files where id = $1', [
    b![1],
  ]);
  expect(names.rows).toEqual([{ filename: 'b.txt', bytes: 1 }]);

  const two = await nextRun(one);
  await store(two, await take(two), { 'a.txt': '1' });
  expect(await link(two.run, a![0])).toEqual([a]);
  const three = await nextRun(two);
  await store(three, await take(three), { 'a.txt': '2' });
  const [changed] = await link(three.run, a![0]);
  expect(changed![1]).not.toBe(a![1]);
  await database.pool.query('delete from files where id = $1', [changed![1]]);
  const [remade] = await link(three.run, a![0]);
  expect(remade![1]).not.toBe(changed![1]);
  expect(await link(three.run, 'sandbox:/mnt/data/none')).toEqual([]);
});
