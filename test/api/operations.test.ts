/** The table of operations by itself. What each operation does is tested where its resource is. */
import express from 'express';
import { expect, test } from 'vitest';

import type { ApiContext } from '../../api/context.ts';
import { errorHandler } from '../../api/http/error-handler.ts';
import { errorsOf } from '../../api/operation.ts';
import { OPERATIONS } from '../../api/operations/index.ts';
import { operationRoutes } from '../../api/serve-operations.ts';
import { createLogger } from '../../config/log.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';

test('each operation has an id and a route of its own, and a handler', () => {
  expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length);
  expect(new Set(OPERATIONS.map(({ route }) => route)).size).toBe(OPERATIONS.length);
  for (const one of OPERATIONS) {
    expect(
      ['read', 'write', 'send'].filter((handler) => handler in one),
      one.route,
    ).toHaveLength(1);
  }
});

test('the errors of an operation follow from what it takes', () => {
  const errors = Object.fromEntries(OPERATIONS.map((one) => [one.id, errorsOf(one)]));
  expect(errors).toMatchObject({
    listModels: [400, 401, 403, 429, 503],
    getRun: [400, 401, 403, 404, 429, 503],
    createAssistant: [400, 401, 403, 404, 413, 415, 429, 503],
    deleteModel: [400, 401, 403, 404, 413, 415, 429, 503],
  });
});

test('a path that is named literally is no id, in whatever order operations are declared', async () => {
  for (const order of [OPERATIONS, OPERATIONS.toReversed()]) {
    const app = express();
    const logged: unknown[] = [];
    app.use((_request, response, next) => {
      response.locals.caller = { scopes: SCOPES };
      response.on('close', () => logged.push(response.locals.operation));
      next();
    });
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
    await expect.poll(() => logged).toEqual(['createThreadAndRun', 'modifyThread']);
  }
});
