/**
 * A model server with OpenAI's batch API: files, batches that go through their statuses look by look, output and error
 * files in another order than the input, and streamed chat completions for what is asked directly.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import type { Batch } from 'openai/resources/batches';

import type { Received } from './fake-upstream.ts';
import { chunk, event, FakeUpstream, sendJson } from './fake-upstream.ts';

export type ChatBody = {
  model: string;
  messages: { role: string; content: unknown }[];
  stream?: boolean;
};

/** How a line ends. `missing`: in neither file. */
export type LineEnd =
  | { text: string }
  | { call: string }
  | { refused: number; code: string | null }
  | { error: string }
  | 'missing';

export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const PASSED: Batch['status'][] = ['validating', 'in_progress', 'finalizing'];

type Line = { custom_id: string; method: string; url: string; body: ChatBody };
type Made = { batch: Batch; lines: Line[]; looks: number };

export class FakeBatchApi implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly batches: Made[] = [];
  readonly files = new Map<string, string>();
  /** Texts of the questions that were asked directly. */
  readonly direct: string[] = [];
  /** The answer to the last message of a request, in a batch or directly. */
  reply: (body: ChatBody, inBatch: boolean) => LineEnd = (body) => ({
    text: `Marked ${lastText(body)}`,
  });
  /** The end of the next batches. */
  end: 'completed' | 'expired' | { failed: string } = 'completed';
  /** Batches stay in progress. */
  held = false;
  /** A refusal of requests to `path`, while there is one. */
  refusal: { path: string; status: number; code: string } | undefined;

  /** The next batch is made and its answer never sent: called once. */
  loseAnswer: (() => void) | undefined;

  private constructor(upstream: FakeUpstream) {
    this.upstream = upstream;
    upstream.answer = (received, response) => this.#answer(received, response);
  }

  static async start(): Promise<FakeBatchApi> {
    return new FakeBatchApi(await FakeUpstream.start());
  }

  get lines(): Line[] {
    return this.batches.flatMap(({ lines }) => lines);
  }

  async #answer(received: Received, response: ServerResponse): Promise<unknown> {
    const { method, url, json } = received;
    const [path, id, verb] = new URL(url, 'http://x').pathname.slice('/v1/'.length).split('/');
    const { refusal } = this;
    if (refusal?.path === `${method} ${path}`) {
      return sendJson(response, { error: { message: 'No.', code: refusal.code } }, refusal.status);
    }
    if (path === 'files' && method === 'POST') {
      return sendJson(response, await this.#store(received));
    }
    if (path === 'files' && verb === 'content') return void response.end(this.files.get(id!));
    if (path === 'files') return sendJson(response, { id, deleted: this.files.delete(id!) });
    const known = this.batches.some(({ batch }) => batch.id === id);
    if (path === 'batches' && id !== undefined && !known) return sendJson(response, {}, 404);
    if (path === 'batches' && verb === 'cancel') return sendJson(response, this.#cancel(id!));
    if (path === 'batches' && method === 'POST') {
      const made = this.#create(json);
      if (this.loseAnswer === undefined) return sendJson(response, made);
      this.loseAnswer();
      return (this.loseAnswer = undefined);
    }
    if (path === 'batches' && id !== undefined) return sendJson(response, this.#look(id));
    if (path === 'batches') return sendJson(response, this.#list());
    if (path === 'models') return sendJson(response, { data: [] });
    return this.#chat(json as ChatBody, response);
  }

  async #store({ body, headers }: Received): Promise<object> {
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type']! },
    }).formData();
    const id = `file-${randomUUID()}`;
    this.files.set(id, await (form.get('file') as File).text());
    return { id, object: 'file', purpose: form.get('purpose') };
  }

  #create(params: Received['json']): object {
    const input = this.files.get(String(params['input_file_id']))!;
    const lines = input
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const batch = {
      ...params,
      id: `batch_${randomUUID()}`,
      object: 'batch',
      created_at: Math.floor(Date.now() / 1_000),
      status: 'validating',
    } as unknown as Batch;
    this.batches.push({ batch, lines, looks: 0 });
    return batch;
  }

  #list(): object {
    return {
      object: 'list',
      data: this.batches.map(({ batch }) => batch).toReversed(),
      has_more: false,
    };
  }

  #cancel(id: string): object {
    const { batch } = this.batches.find((made) => made.batch.id === id)!;
    batch.status = 'cancelled';
    return batch;
  }

  #look(id: string): object {
    const made = this.batches.find(({ batch }) => batch.id === id)!;
    const { batch } = made;
    if (!PASSED.includes(batch.status)) return batch;
    const status = PASSED[++made.looks];
    if (status !== undefined || this.held) batch.status = this.held ? 'in_progress' : status!;
    else this.#finish(made);
    return batch;
  }

  #finish({ batch, lines }: Made): void {
    if (typeof this.end === 'object') {
      batch.status = 'failed';
      batch.errors = { data: [{ code: this.end.failed, message: 'No.' }] };
      return;
    }
    batch.status = this.end;
    const ends = lines.map((line) => [line.custom_id, this.reply(line.body, true)] as const);
    const kept = ends.filter(([, end]) => end !== 'missing').toReversed();
    const answered = kept.filter(
      ([, end]) => typeof end === 'object' && !('refused' in end || 'error' in end),
    );
    const failed = kept.filter((each) => !answered.includes(each));
    if (answered.length > 0) batch.output_file_id = this.#write(answered);
    if (failed.length > 0) batch.error_file_id = this.#write(failed);
  }

  #write(ends: (readonly [string, LineEnd])[]): string {
    const id = `file-${randomUUID()}`;
    this.files.set(
      id,
      ends
        .map(([custom_id, end]) => `${JSON.stringify({ id: 'r', custom_id, ...resultOf(end) })}\n`)
        .join(''),
    );
    return id;
  }

  #chat(body: ChatBody, response: ServerResponse): void {
    this.direct.push(lastText(body));
    const end = this.reply(body, false);
    const text = typeof end === 'object' && 'text' in end ? end.text : '?';
    if (body.stream !== true) return sendJson(response, completion({ text }));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const choices = [{ index: 0, delta: {}, finish_reason: 'stop' }];
    const last = { ...chunk(''), choices, usage: USAGE };
    response.end(event(chunk(text)) + event(last) + event('[DONE]'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.upstream[Symbol.asyncDispose]();
  }
}

export function lastText({ messages }: ChatBody): string {
  const { content } = messages.at(-1)!;
  return typeof content === 'string' ? content : (content as { text: string }[])[0]!.text;
}

function resultOf(end: LineEnd): object {
  if (end === 'missing') return {};
  if ('error' in end) return { response: null, error: { code: end.error, message: 'No.' } };
  if ('refused' in end) {
    const body = { error: { message: 'No such thing.', code: end.code } };
    return { response: { status_code: end.refused, request_id: 'r', body }, error: null };
  }
  return {
    response: { status_code: 200, request_id: 'r', body: completion(end) },
    error: null,
  };
}

function completion(end: { text: string } | { call: string }): object {
  const role = 'assistant';
  const calls = (name: string) => [
    { id: 'call_up', type: 'function', function: { name, arguments: '{}' } },
  ];
  const message =
    'text' in end
      ? { role, content: end.text }
      : { role, content: null, tool_calls: calls(end.call) };
  const finish_reason = 'text' in end ? 'stop' : 'tool_calls';
  const choices = [{ index: 0, message, finish_reason }];
  return { id: 'c', object: 'chat.completion', choices, usage: USAGE };
}
