/** The description that the server serves, held against the published one, and the page that shows it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Description } from '../../api/openapi.ts';
import { OPERATIONS as DECLARED } from '../../api/operations/index.ts';
import { Environment } from '../support/environment.ts';
import { descriptionDifferences } from './description-differences.ts';
import { OPERATIONS } from './description.ts';
import { DESCRIPTION_DEVIATIONS, DEVIATIONS, REQUEST_DEVIATIONS } from './deviations.ts';

const EXTENSIONS = [
  'streamRunEvents',
  'modifyBatch',
  'listBatchRequiresAction',
  'listThreads',
  'explainRun',
  'createWebhookEndpoint',
  'listWebhookEndpoints',
  'getWebhookEndpoint',
  'modifyWebhookEndpoint',
  'deleteWebhookEndpoint',
  'rotateWebhookSecret',
  'testWebhookEndpoint',
  'listWebhookEventTypes',
];

let env: Environment;
let served: Description;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  served = (await (await fetch(`${env.api.url}/openapi.json`)).json()) as Description;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const places = (list: readonly { at: readonly string[] }[]) => list.flatMap(({ at }) => at);

test('every published operation, parameter, field and word is served, but for the listed deviations', () => {
  const found = OPERATIONS.flatMap((operation) => descriptionDifferences(served, operation));
  const at = new Set(found.map((difference) => difference.split(': ')[0]!));
  const listed = places([...DEVIATIONS, ...REQUEST_DEVIATIONS, ...DESCRIPTION_DEVIATIONS]);
  expect(found.filter((difference) => !listed.includes(difference.split(': ')[0]!))).toEqual([]);
  expect(places(DESCRIPTION_DEVIATIONS).filter((place) => !at.has(place))).toEqual([]);
});

test('everything else that is served is marked as an extension', () => {
  const published = new Set(OPERATIONS.map(({ id }) => id));
  const operations = Object.values(served.paths).flatMap(Object.values);
  const extensions = operations.filter((one) => one['x-threadmill']).map((one) => one.operationId);
  const own = DECLARED.filter(({ path }) => path.startsWith('/threadmill/')).map(({ id }) => id);
  expect(new Set(extensions)).toEqual(new Set([...EXTENSIONS, ...own]));
  expect(operations.map((one) => one.operationId).filter((id) => !published.has(id))).toEqual(
    extensions,
  );
  expect(operations).toHaveLength(DECLARED.length);
});

test('a described schema takes what the server sends', async () => {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ ...served, $id: 'served' });
  const created = await env.client.beta.assistants.create({
    model: 'm',
    tools: [{ type: 'file_search' }, { type: 'function', function: { name: 'f' } }],
  });
  const validate = ajv.compile({ $ref: 'served#/components/schemas/AssistantObject' });
  expect(validate(created), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ ...created, tools: [{ type: 'retrieval' }] })).toBe(false);
});

test('the description is at both paths, and needs no key', async () => {
  const answers = await Promise.all(
    ['/openapi.json', '/v1/openapi.json'].map((path) => fetch(env.api.url + path)),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  for (const answer of answers) expect(await answer.json()).toEqual(served);
});

test('the reference page shows every operation, and asks nothing of any host', async () => {
  const answer = await fetch(`${env.api.url}/docs`);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-/,
  );
  const page = await answer.text();
  for (const { id } of DECLARED) expect(page).toContain(`<section id="${id}">`);
  expect(page).not.toMatch(/<script|https?:|src=/);
  const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
  expect(anchors.filter((id) => !page.includes(`id="${id}"`))).toEqual([]);
});
