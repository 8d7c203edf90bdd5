import { afterAll, beforeAll, expect, test } from 'vitest';

import type { MessageId, ThreadId } from '../../wire/ids.ts';
import type { NewMessage } from '../../db/threads/messages.ts';
import { chooseWindow, deleteMessage, readWindow } from '../../db/threads/messages.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { createThread } from '../../db/threads/threads.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const AUTO = { type: 'auto', last_messages: null } as const;
const last = (count: number) => ({ type: 'last_messages', last_messages: count }) as const;

function message(tokens: number): NewMessage {
  return {
    role: 'user',
    content: [{ type: 'text', text: { value: 'x', annotations: [] } }],
    attachments: [],
    metadata: {},
    tokens,
  };
}

function thread(sizes: number[]): Promise<ThreadId> {
  return withTransaction(database.pool, async (tx) => {
    const fields = { messages: sizes.map(message), metadata: {}, tool_resources: {} };
    return (await createThread(tx, database.projectId, fields)).thread.id;
  });
}

/** `count` messages of ten tokens each, written at once. */
async function longThread(count: number): Promise<ThreadId> {
  const id = await thread([]);
  await database.pool.query(
    `insert into messages (id, thread_id, project_id, seq, created_at, role, status, content, attachments, metadata, tokens)
     select 'msg_' || $1 || n, $1, $2, n, 0, 'user', 'completed', '[]', '[]', '{}', 10 from generate_series(1, $3) n`,
    [id, database.projectId, count],
  );
  await database.pool.query('update threads set last_message_seq = $2 where id = $1', [id, count]);
  return id;
}

test.each([
  { budget: 60, truncation: AUTO, start: 1, why: 'everything fits' },
  { budget: 59, truncation: AUTO, start: 2, why: 'the oldest message does not' },
  { budget: 50, truncation: AUTO, start: 2, why: 'the rest fits exactly' },
  { budget: 30, truncation: AUTO, start: 3, why: 'two messages fit' },
  { budget: 29, truncation: AUTO, start: 4, why: 'only the newest does not fit with another' },
  { budget: 9, truncation: AUTO, start: 4, why: 'the newest is always there' },
  { budget: 60, truncation: last(2), start: 3, why: 'two were asked for' },
  { budget: 60, truncation: last(9), start: 1, why: 'there are fewer than asked for' },
  { budget: 15, truncation: last(3), start: 4, why: 'the budget is tighter than the count' },
])(
  'starts at message $start of sizes 10, 20, 20, 10 with a budget of $budget because $why',
  async (given) => {
    const id = await thread([10, 20, 20, 10]);
    expect(
      await chooseWindow(
        database.pool,
        { threadId: id, endSeq: 4 },
        given.budget,
        given.truncation,
      ),
    ).toEqual({
      startSeq: given.start,
      endSeq: 4,
    });
  },
);

test('ignores messages that came after the run began', async () => {
  const id = await thread([10, 10, 10, 10]);
  expect(await chooseWindow(database.pool, { threadId: id, endSeq: 3 }, 20, AUTO)).toEqual({
    startSeq: 2,
    endSeq: 3,
  });
  expect(
    (await readWindow(database.pool, id, { startSeq: 2, endSeq: 3 })).map(({ seq }) => seq),
  ).toEqual([1, 2, 3]);
});

test('a deleted message takes no room and does not count', async () => {
  const id = await thread([10, 10, 10, 10]);
  const rows = await database.pool.query<{ id: MessageId }>(
    'select id from messages where thread_id = $1 and seq = 3',
    [id],
  );
  await withTransaction(database.pool, (tx) =>
    deleteMessage(tx, {
      projectId: database.projectId,
      threadId: id,
      messageId: rows.rows[0]!.id,
    }),
  );
  const seen = async (budget: number, truncation: typeof AUTO | ReturnType<typeof last>) => {
    const window = await chooseWindow(
      database.pool,
      { threadId: id, endSeq: 4 },
      budget,
      truncation,
    );
    return (await readWindow(database.pool, id, window)).map(({ seq }) => seq);
  };
  expect(await seen(40, last(2))).toEqual([1, 2, 4]);
  expect(await seen(30, AUTO)).toEqual([1, 2, 4]);
});

test('what a failure cut off takes no room and does not count', async () => {
  const id = await thread([10, 10, 10]);
  await database.pool.query(
    `update messages set status = 'incomplete', incomplete_reason = 'run_failed' where thread_id = $1 and seq = 2`,
    [id],
  );
  for (const [budget, truncation] of [
    [20, AUTO],
    [99, last(2)],
  ] as const) {
    const window = await chooseWindow(
      database.pool,
      { threadId: id, endSeq: 3 },
      budget,
      truncation,
    );
    expect((await readWindow(database.pool, id, window)).map(({ seq }) => seq)).toEqual([1, 3]);
  }
});

test('an empty thread has an empty window', async () => {
  const id = await thread([]);
  const window = await chooseWindow(database.pool, { threadId: id, endSeq: 0 }, 100, AUTO);
  expect(await readWindow(database.pool, id, window)).toEqual([]);
});

test('a thread of 100,000 messages reads no more rows than one of 100', async () => {
  const counts: number[] = [];
  for (const size of [100, 100_000]) {
    const id = await longThread(size);
    await database.admin.query('vacuum analyze messages');
    const before = await rowsRead();
    for (const truncation of [AUTO, last(20)]) {
      const window = await chooseWindow(
        database.pool,
        { threadId: id, endSeq: size },
        300,
        truncation,
      );
      expect((await readWindow(database.pool, id, window)).length).toBe(
        truncation.type === 'auto' ? 31 : 21,
      );
    }
    counts.push((await rowsRead()) - before);
  }
  expect(counts[1]).toBeLessThanOrEqual(counts[0]!);
  expect(counts[0]).toBeLessThan(400);
});

/** Rows that scans of the messages table have returned so far, by index or not. */
async function rowsRead(): Promise<number> {
  const connection = await database.pool.connect();
  try {
    await connection.query('select pg_stat_force_next_flush()');
    const { rows } = await connection.query<{ count: number }>(
      `select seq_tup_read + idx_tup_fetch + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'messages') as count
       from pg_stat_user_tables where relname = 'messages'`,
    );
    return Number(rows[0]!.count);
  } finally {
    connection.release();
  }
}

test('a worker of 0.1.0 finds the window of messages that a newer API stored', async () => {
  const id = await thread([10, 20, 20, 10]);
  // Its statement.
  const { rows } = await database.pool.query(
    `select m.seq from messages m where m.thread_id = $1 and m.tokens_before >=
       (select n.tokens_before + n.tokens from messages n where n.thread_id = $1 and n.seq <= $2
        order by n.seq desc limit 1) - $3::bigint
     order by m.tokens_before, m.seq limit 1`,
    [id, 4, 30],
  );
  expect(rows).toEqual([{ seq: 3 }]);
});
