/**
 * Every described field and parameter of every request, sent to the server: left out, null, of another type, with each of its
 * words, and just inside and outside its bounds. What differs is in `REQUEST_DEVIATIONS`, one by one and with its reason.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { OPERATIONS as DECLARED } from '../../api/operations/index.ts';
import { Environment } from '../support/environment.ts';
import { OPERATIONS, resolve } from './description.ts';
import { DEVIATIONS, REQUEST_DEVIATIONS } from './deviations.ts';
import { initOf, pathOf } from './send.ts';
import { triesOf, triesOfQuery } from './tries.ts';
import type { Try } from './tries.ts';

let env: Environment;
/** Parts are refused before their fields are read unless their upload is there. */
let upload_id: string;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  const upload = {
    filename: 'a',
    purpose: 'vision',
    mime_type: 'image/png',
    bytes: 1_000,
  } as const;
  upload_id = (await env.client.uploads.create(upload)).id;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const MISSING = DEVIATIONS.filter(({ published }) => published === 'served');
const SERVED = OPERATIONS.filter(({ id }) => !MISSING.some(({ at }) => at.includes(id)));
const WITH_BODY = SERVED.filter(({ request }) => request !== undefined);
const WITH_QUERY = SERVED.filter(({ parameters }) => parameters.some((one) => one.in === 'query'));

const listed = REQUEST_DEVIATIONS.flatMap(({ at, what, found }) =>
  at.flatMap((field) => what.map((one) => `${field}: ${one} is ${found}`)),
);
const seen = new Set<string>();

/** What is not as described. */
async function differenceOf(answer: Response, { at, what, param, refused }: Try) {
  if (answer.status >= 500) return `${at}: ${what} is answered ${answer.status}`;
  const { error } = (await answer.json()) as { error?: Record<string, string | null> };
  // Objects that are not there are looked for once the request is found to be valid.
  const got = answer.status === 400 && error!.code !== null ? error! : undefined;
  if (got === undefined) return refused === undefined ? undefined : `${at}: ${what} is accepted`;
  if (refused === undefined) return `${at}: ${what} is refused`;
  const same = got.param === param && [got.code, 'any'].includes(refused);
  return same ? undefined : `${at}: ${what} is refused as ${got.code} of ${got.param}`;
}

function expectListed(differences: (string | undefined)[]): void {
  const found = differences.filter((one) => one !== undefined);
  for (const one of found) seen.add(one);
  expect(found.filter((one) => !listed.includes(one))).toEqual([]);
}

/** Some take hundreds of requests, and all of them run at once. */
const TIMEOUT = { timeout: 300_000 };

describe('but for what is listed, the server takes', TIMEOUT, () => {
  test.concurrent.for(WITH_BODY)('the described fields of $id', async (operation) => {
    const path = pathOf(operation, operation.id === 'addUploadPart' ? { upload_id } : {});
    const found = [];
    for (const { body, ...one } of triesOf(operation)) {
      found.push(await differenceOf(await env.fetch(path, initOf(operation, body)), one));
    }
    expectListed(found);
  });

  test.concurrent.for(WITH_QUERY)('the described parameters of $id', async (operation) => {
    const found = [];
    for (const { query, body, ...one } of triesOfQuery(operation)) {
      const answer = await env.fetch(`${pathOf(operation)}?${query}`, initOf(operation, body));
      found.push(await differenceOf(answer, one));
    }
    expectListed(found);
  });

  test.for(WITH_BODY)('no other fields of $id', ({ id, request }) => {
    const { body } = DECLARED.find((operation) => operation.id === id)!;
    const { properties = {} } = z.toJSONSchema(body!, { io: 'input' });
    const described = resolve(request!.schema).properties!;
    const more = Object.keys(properties).filter((key) => !(key in described));
    expectListed(more.map((key) => `${id}.${key}: a field that is not described is accepted`));
  });
});

test('what is listed is so', () => {
  expect(listed.filter((one) => !seen.has(one))).toEqual([]);
});
