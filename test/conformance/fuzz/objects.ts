/** Objects for fuzzed requests to name: the nth of each kind belong together. */
import type OpenAI from 'openai';
import { toFile } from 'openai';

import type { Environment } from '../../support/environment.ts';
import { createFile } from '../../support/files.ts';
import { text, toolCalls } from '../../support/fake-model.ts';
import { setUp, WEATHER } from '../../support/runs.ts';

/** Ids by the name of the parameter that takes them. */
export type Objects = Readonly<Record<string, string[]>>;

const COUNT = 20;

/**
 * What an operation does to its objects is done to some of them only, so that there are others to the end: every fourth is
 * deleted or cancelled, and so on.
 */
const PLACES: readonly (readonly [operation: RegExp, place: number])[] = [
  [/^(delete|cancel)/, 0],
  [/^(submit|completeUpload)/, 1],
  [/^createRun$/, 2],
];

/** Which objects the nth request of an operation is about. */
export function placeOf(operationId: string, nth: number): number {
  const place = PLACES.find(([operation]) => operation.test(operationId))?.[1];
  return place === undefined ? nth : nth * 4 + place;
}

export async function createObjects(env: Environment): Promise<Objects> {
  const sets: Record<string, string>[] = [];
  for (let n = 0; n < COUNT; n++) {
    sets.push({
      ...(await createRun(env, n)),
      ...(await createStore(env.client)),
      ...(await createUpload(env.client)),
    });
  }
  const names = Object.keys(sets[0]!);
  return Object.fromEntries(names.map((name) => [name, sets.map((one) => one[name]!)]));
}

/** Two of four wait for the output of a function; the others have ended. */
async function createRun(env: Environment, n: number): Promise<Record<string, string>> {
  const reply = n % 4 > 1 ? text('Sunny.') : toolCalls([{ name: 'get_weather', arguments: {} }]);
  const { assistant, threadId, model } = await setUp(env, [reply], { tools: [WEATHER] });
  const { runs, messages } = env.client.beta.threads;
  const run = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const [step] = (await runs.steps.list(run.id, { thread_id: threadId })).data;
  const [message] = (await messages.list(threadId)).data;
  const [call] = run.required_action?.submit_tool_outputs.tool_calls ?? [];
  return {
    assistant_id: assistant.id,
    thread_id: threadId,
    run_id: run.id,
    step_id: step!.id,
    message_id: message!.id,
    tool_call_id: call?.id ?? 'call_none',
    model,
  };
}

async function createStore(client: OpenAI): Promise<Record<string, string>> {
  const file_id = await createFile(client, 'Some text.');
  const store = await client.vectorStores.create({ name: 's' });
  const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, {
    file_ids: [file_id],
  });
  return { file_id, input_file_id: file_id, vector_store_id: store.id, batch_id: batch.id };
}

async function createUpload(client: OpenAI): Promise<Record<string, string>> {
  const fields = { filename: 'a.txt', mime_type: 'text/plain', purpose: 'assistants' as const };
  const { id } = await client.uploads.create({ ...fields, bytes: 2 });
  const part = await client.uploads.parts.create(id, {
    data: await toFile(Buffer.from('xy'), 'part'),
  });
  return { upload_id: id, part_id: part.id };
}
