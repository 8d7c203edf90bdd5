/**
 * Every answer and every stream event against the published description. What differs is in `deviations.ts`, one by one and
 * with its reason; a difference that is not there fails, and so does an entry that no longer differs.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { DEFINITIONS, OPERATIONS } from './description.ts';
import { DEVIATIONS } from './deviations.ts';
import { createRecorder, keyOf } from './recorder.ts';
import { assistants, models } from './scenarios/assistants.ts';
import { batches } from './scenarios/batches.ts';
import { files, uploads } from './scenarios/files.ts';
import { refusals } from './scenarios/refusals.ts';
import * as runs from './scenarios/runs.ts';
import { recordedScene } from './scenarios/scene.ts';
import type { Scene } from './scenarios/scene.ts';
import { threads } from './scenarios/threads.ts';
import { fileBatches, vectorStoreFiles, vectorStores } from './scenarios/vector-stores.ts';
import { EVENT_SCHEMAS } from './stream-events.ts';

type Scenario = [name: string, play: (scene: Scene) => Promise<void>];

const OBJECTS: readonly Scenario[] = [
  ['assistants', assistants],
  ['models', models],
  ['threads and messages', threads],
  ['files', files],
  ['uploads', uploads],
  ['batches', batches],
  ['vector stores', vectorStores],
  ['files of vector stores', vectorStoreFiles],
  ['file batches', fileBatches],
  ['refusals', refusals],
];

const RUNS: readonly Scenario[] = [
  ['runs that end', runs.runsThatEnd],
  ['runs that call functions', runs.runsThatCallFunctions],
  ['runs with tools', runs.runsWithTools],
  ['runs with every field', runs.runsWithEveryField],
  ['a run that makes its thread', runs.runWithItsThread],
  ['runs that are cancelled', runs.runsThatAreCancelled],
  ['runs that expire', runs.runsThatExpire],
  ['a run that is deleted', runs.runThatIsDeleted],
];

/** Schemas whose every status some operation can show. An expired upload is shown by none. */
const WITH_STATUS = [
  'RunObject',
  'RunStepObject',
  'MessageObject',
  'VectorStoreObject',
  'VectorStoreFileObject',
  'VectorStoreFileBatchObject',
];

/** What content, annotations, steps, tool calls and their outputs can be. */
const KINDS = [
  'text, refusal, image_file, image_url, file_citation, file_path, message_creation, tool_calls',
  'function, code_interpreter, file_search, logs, image',
].flatMap((line) => line.split(', '));

const recorder = createRecorder();
let embeddings: FakeEmbeddings;
let env: Environment;
let scene: Scene;
beforeAll(async () => {
  embeddings = await startFakeEmbeddings();
  env = await Environment.start({
    sandbox: true,
    config: { embeddingsBaseUrl: embeddings.baseUrl },
  });
  scene = recordedScene(env, embeddings, recorder);
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
  await embeddings.close();
});

// Most of them at once, with the sandbox's first start among them.
describe('plays', { timeout: 300_000 }, () => {
  test.for(OBJECTS)('%s', ([, play]) => play(scene));
  test.concurrent.for(RUNS)('%s', ([, play]) => play(scene));
});

describe('has shown', () => {
  beforeAll(() => recorder.settled());

  test('every event', () => {
    expect([...recorder.events].toSorted()).toEqual(
      [...Object.keys(EVENT_SCHEMAS), 'done'].toSorted(),
    );
  });

  test.for(WITH_STATUS)('every status of %s', (name) => {
    const { object, status } = DEFINITIONS[name]!.properties!;
    const statuses = status!.enum!.map((one) => `${String(object!.enum![0])} ${String(one)}`);
    expect([...recorder.shown].filter((one) => statuses.includes(one)).toSorted()).toEqual(
      statuses.toSorted(),
    );
  });

  test('every kind of content, step and tool call', () => {
    expect(KINDS.filter((kind) => !recorder.shown.has(kind))).toEqual([]);
  });

  test('every operation and field as published, but for the listed deviations', () => {
    const unserved = OPERATIONS.filter(({ id }) => !recorder.answered.has(id)).map(({ id }) => ({
      at: id,
      published: 'served',
      sent: 'nothing but errors',
      example: '',
    }));
    const found = [...recorder.found.values(), ...unserved];
    const listed = DEVIATIONS.flatMap(({ at, ...what }) =>
      at.map((one) => keyOf({ at: one, ...what })),
    );
    const unlisted = found.filter((one) => !listed.includes(keyOf(one)));
    expect(unlisted, 'unlisted differences').toEqual([]);
    const gone = listed.filter((key) => !found.some((one) => keyOf(one) === key));
    expect(gone, 'listed, but no longer so').toEqual([]);
  });
});
