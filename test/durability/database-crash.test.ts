/** A PostgreSQL that crashes: what a reader has seen is never taken back, and numbers have no gaps. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import type { EmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { createRun, eventually, expectSettled, follow, USAGE } from '../support/durable-run.ts';
import { paced, text } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

let dataDir: string;
let postgres: EmbeddedPostgres;
let env: ProcessEnvironment;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'threadmill-crash-'));
  postgres = await startEmbeddedPostgres({ dataDir });
  const pool = createPool(postgres.url, { max: 1, applicationName: 'threadmill-test-setup' });
  await migrate(pool);
  await pool.end();
  env = await ProcessEnvironment.start(postgres.url);
  await Promise.all([env.startApi(), env.startWorker()]);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** SIGQUIT is PostgreSQL's immediate shutdown: nothing in its memory is written. */
async function crash(): Promise<void> {
  const pid = Number(
    (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0],
  );
  process.kill(pid, 'SIGQUIT');
  await eventually(() => expect(() => process.kill(pid, 0)).toThrow());
}

test(
  'readers keep what they saw when PostgreSQL crashes in the middle of answers',
  { timeout: 120_000 },
  async () => {
    const words = Array.from({ length: 300 }, (_, index) => `${index} `);
    const answer = words.join('');
    const models = Array.from({ length: 8 }, (_, index) => `crash-${index}`);
    const refs = await Promise.all(
      models.map((model) => {
        env.model.script(
          model,
          paced(text(answer, { tokens: words, usage: USAGE }), { tokensPerSecond: 60 }),
        );
        return createRun(env, model);
      }),
    );
    const readers = await Promise.all(refs.map((ref) => follow(env, ref)));
    await Promise.all(readers.map((reader) => reader.saw('thread.message.delta', 30)));
    await crash();
    const seen = readers.map(({ events }) => events.length);
    expect(Math.min(...seen)).toBeGreaterThan(30);
    postgres = await startEmbeddedPostgres({ dataDir });
    for (const [index, ref] of refs.entries()) {
      expect(await readers[index]!.finished).toBe('done');
      const events = await expectSettled(env, ref, { answer, turns: 1 });
      expect(readers[index]!.events).toEqual(events);
      expect(events.map(({ id }) => id)).toEqual(events.map((_, at) => at + 1));
    }
  },
);
