/** The table of operations by itself. What each operation does is tested where its resource is. */
import express from 'express';
import { expect, test } from 'vitest';

import type { ApiContext } from '../../api/context.ts';
import { errorHandler } from '../../api/http/error-handler.ts';
import { OPERATIONS, SECTIONS } from '../../api/operations/index.ts';
import { operationRoutes } from '../../api/serve-operations.ts';
import { createLogger } from '../../config/log.ts';

test('each operation has an id and a route of its own, and a handler', () => {
  const operations = Object.values(OPERATIONS);
  const declared = Object.values(SECTIONS).flatMap(Object.values);
  expect(operations).toHaveLength(declared.length);
  expect(new Set(operations.map(({ route }) => route)).size).toBe(operations.length);
  for (const one of operations) {
    expect(
      ['read', 'write', 'send'].filter((handler) => handler in one),
      one.route,
    ).toHaveLength(1);
  }
});

test('a path that is named literally is no id, in whatever order operations are declared', async () => {
  const operations = Object.values(OPERATIONS);
  for (const order of [operations, operations.toReversed()]) {
    const app = express();
    // A body without its required field is refused before anything of the context is used.
    app.use(express.json(), operationRoutes({} as ApiContext, order));
    app.use(errorHandler(createLogger({ logLevel: 'silent' })));
    await using server = app.listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as { port: number };
    const send = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' })).json();
    expect(await send('/threads/runs')).toMatchObject({ error: { param: 'assistant_id' } });
    expect(await send('/threads/other')).toMatchObject({ error: { param: 'thread_id' } });
  }
});
