/** What some thirty model servers really send, each row through the whole system: API, worker, Temporal and Postgres. */
import { afterAll, beforeAll, describe, test, vi } from 'vitest';

import { Environment } from '../support/environment.ts';
import { playRow } from './play-row.ts';
import type { RowServer } from './server.ts';
import { startRowServer } from './server.ts';
import { ROWS } from './streams/index.ts';

vi.setConfig({ maxConcurrency: 8 });

let server: RowServer;
let env: Environment;
beforeAll(async () => {
  server = await startRowServer(ROWS);
  const models = ROWS.map((_, index) => ({ id: `row-${index}`, base_url: server.baseUrl(index) }));
  env = await Environment.start({ config: { models } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe.concurrent('model servers', () => {
  for (const [index, row] of ROWS.entries()) {
    test(`${row.server}: ${row.name}`, () =>
      playRow(env, row, `row-${index}`, () => server.requests(index)));
  }
});
