/** What tests of batches share: input files made of bodies, batches followed to their end, and their files as objects. */
import type OpenAI from 'openai';
import { toFile } from 'openai';
import type { Batch } from 'openai/resources/batches';
import { expect } from 'vitest';

import type { ResultLine } from '../../activities/batches/result-line.ts';
import { eventually } from '../support/durable-run.ts';

export type InputLine = { custom_id: string; method: string; url: string; body: object };

const ENDPOINT = '/v1/threads/runs';

/** Questions to one assistant, one a line. */
export function questions(assistant_id: string, texts: readonly string[]): InputLine[] {
  return texts.map((content, index) => ({
    custom_id: `q${index}`,
    method: 'POST',
    url: ENDPOINT,
    body: { assistant_id, thread: { messages: [{ role: 'user', content }] } },
  }));
}

/** Uploads the lines and makes a batch of them. `settings` are this server's own. */
export async function submit(
  client: OpenAI,
  lines: readonly (InputLine | string)[],
  settings: object = {},
  endpoint = ENDPOINT,
  options: { query?: object } = {},
): Promise<Batch> {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  const input = await client.files.create({
    file: await toFile(Buffer.from(`${text.join('\n')}\n`), 'input.jsonl'),
    purpose: 'batch',
  });
  const ours = { 'x-threadmill': settings };
  return client.batches.create(
    {
      ...ours,
      input_file_id: input.id,
      // The client's type names the endpoints of the hosted service.
      endpoint: endpoint as '/v1/responses',
      completion_window: '24h',
    },
    options,
  );
}

export function untilStatus(client: OpenAI, id: string, status: Batch['status']): Promise<Batch> {
  return eventually(async () => {
    const batch = await client.batches.retrieve(id);
    expect(batch.status).toBe(status);
    return batch;
  });
}

export async function resultsOf(client: OpenAI, fileId: string | null | undefined) {
  if (!fileId) return [];
  const content = await (await client.files.content(fileId)).text();
  expect(content.endsWith('\n')).toBe(true);
  return content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultLine);
}

type RunBody = OpenAI.Beta.Threads.Run & { messages: OpenAI.Beta.Threads.Message[] };

export const runOf = ({ response }: ResultLine) => response?.body as RunBody;

/** The text of the last message that a line's run wrote. */
export function answerOf(line: ResultLine): string | undefined {
  const [part] = runOf(line).messages.at(-1)?.content ?? [];
  return part?.type === 'text' ? part.text.value : undefined;
}
