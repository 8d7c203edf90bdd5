/**
 * Objects that stand for the placeholders of generated tests, such as `thread_id`. Every request gets new ones.
 */
import type OpenAI from 'openai';
import { toFile } from 'openai';
import type { Run } from 'openai/resources/beta/threads/runs/runs';

import type { Environment } from '../../support/environment.ts';
import { dynamic, text, toolCalls } from '../../support/fake-model.ts';
import { pendingCalls, WEATHER } from '../../support/runs.ts';

/** What a placeholder stands for, by its name. */
export type Ids = Record<string, string>;

const MODEL = 'generated';
/** Models that the published examples name. */
const EXAMPLES = ['gpt-4.1', 'gpt-4o', 'gpt-4o-mini', 'gpt-6-astra', 'string'];
const REPLIES = 10_000;
/** Files of a batch that is still under way when it is cancelled. */
const MANY = 40;
/** The content of an upload, which some tests send in one part and some complete. */
export const UPLOADED = 'Example data';
const USER = { role: 'user' as const, content: 'Hi' };

/** Gives every model that a test can ask for its replies. */
export function scriptModels({ model }: Environment): void {
  const reply = dynamic((request) =>
    request.tools === undefined || request.messages.some(({ role }) => role === 'tool')
      ? text('Hello.')
      : toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' } }]),
  );
  for (const name of [MODEL, ...EXAMPLES]) {
    model.script(name, ...Array<typeof reply>(REPLIES).fill(reply));
  }
}

export class RealObjects {
  readonly #client: OpenAI;

  constructor(client: OpenAI) {
    this.#client = client;
  }

  /** `request`: its method, path, query and body, which tell what it needs. */
  async for(request: string): Promise<Ids> {
    const needs = (pattern: RegExp, make: () => Promise<Ids>) =>
      pattern.test(request) ? make() : Promise.resolve({});
    const found = await Promise.all([
      needs(/"assistant_id"|\/assistant_id/, () => this.#assistant()),
      needs(/file_id|file-abc123|\/files\/string/, () => this.#file()),
      needs(/vector_store_id|vs_abc123/, () => this.#store()),
      needs(/thread_id|\/run_id/, () => this.#thread(request)),
      needs(/\/batches\b/, () => this.#batch()),
      needs(/upload_(id|abc123)/, () => this.#upload(request.includes('/complete'))),
    ]);
    const ids: Ids = Object.assign({}, ...found);
    const stored = /vector_stores\/[^/]+\/file/.test(request);
    return stored ? { ...ids, ...(await this.#stored(request, ids)) } : ids;
  }

  async #assistant(): Promise<Ids> {
    const fields = { model: MODEL, instructions: 'Be kind.' };
    return { assistant_id: (await this.#client.beta.assistants.create(fields)).id };
  }

  async #file(): Promise<Ids> {
    const file = await toFile(Buffer.from('Blue fish eat moss.'), 'fish.txt');
    return { file_id: (await this.#client.files.create({ file, purpose: 'user_data' })).id };
  }

  /** It stays under way until it is cancelled. */
  async #batch(): Promise<Ids> {
    const endpoint = '/v1/responses';
    const line = { custom_id: 'a', method: 'POST', url: endpoint, body: { model: MODEL } };
    const file = await toFile(Buffer.from(JSON.stringify(line)), 'input.jsonl');
    const { id: input_file_id } = await this.#client.files.create({ file, purpose: 'batch' });
    const settings = { 'x-threadmill': { paused: true } };
    const { id: batch_id } = await this.#client.batches.create({
      ...settings,
      input_file_id,
      endpoint,
      completion_window: '24h',
    });
    return { input_file_id, batch_id };
  }

  async #store(): Promise<Ids> {
    const { id } = await this.#client.vectorStores.create({ name: 'Generated' });
    return { vector_store_id: id };
  }

  async #thread(request: string): Promise<Ids> {
    if (request.includes('run_id')) return this.#run(request);
    const { threads } = this.#client.beta;
    const { id: thread_id } = await threads.create({ messages: [USER] });
    const { data } = await threads.messages.list(thread_id);
    return { thread_id, message_id: data[0]!.id };
  }

  /** Cancelling and submitting outputs need a run that waits; the rest can be had from one that has ended. */
  async #run(request: string): Promise<Ids> {
    const waits = /\/(cancel|submit_tool_outputs)/.test(request);
    const run = await this.#newRun(waits);
    const { threads } = this.#client.beta;
    const ids: Ids = { thread_id: run.thread_id, run_id: run.id };
    if (waits) return { ...ids, tool_call_id: pendingCalls(run)[0]!.id };
    const steps = await threads.runs.steps.list(run.id, { thread_id: run.thread_id });
    const messages = await threads.messages.list(run.thread_id);
    return { ...ids, step_id: steps.data[0]!.id, message_id: messages.data[0]!.id };
  }

  async #newRun(waits: boolean): Promise<Run> {
    const { beta } = this.#client;
    const tools = waits ? [WEATHER] : [];
    const { id } = await beta.assistants.create({ model: MODEL, instructions: 'Be kind.', tools });
    return beta.threads.createAndRunPoll({ assistant_id: id, thread: { messages: [USER] } });
  }

  /** The store gets a batch: of its file, indexed, or for a test that cancels it of many that are not yet. */
  async #stored(request: string, { file_id, vector_store_id }: Ids): Promise<Ids> {
    const { fileBatches } = this.#client.vectorStores;
    if (request.includes('/cancel')) {
      const file_ids = await this.#manyFiles();
      const batch = await fileBatches.create(vector_store_id!, { file_ids });
      return { batch_id: batch.id };
    }
    const files = file_id === undefined ? await this.#file() : { file_id };
    const batch = await fileBatches.createAndPoll(vector_store_id!, {
      file_ids: [files.file_id!],
    });
    return { ...files, batch_id: batch.id };
  }

  #manyFiles(): Promise<string[]> {
    const files = Array.from({ length: MANY }, async (_, number) => {
      const file = await toFile(Buffer.from(`Fish ${number} eats moss.`), `${number}.txt`);
      return (await this.#client.files.create({ file, purpose: 'user_data' })).id;
    });
    return Promise.all(files);
  }

  async #upload(whole: boolean): Promise<Ids> {
    const { uploads } = this.#client;
    const { id: upload_id } = await uploads.create({
      bytes: UPLOADED.length,
      filename: 'fish.txt',
      mime_type: 'text/plain',
      purpose: 'assistants',
    });
    if (!whole) return { upload_id };
    const data = await toFile(Buffer.from(UPLOADED), 'part');
    return { upload_id, part_id: (await uploads.parts.create(upload_id, { data })).id };
  }
}
