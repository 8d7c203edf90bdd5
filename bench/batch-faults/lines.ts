/** The lines of the batches, their functions' answers, and their results. */
import { setTimeout as sleep } from 'node:timers/promises';

import type OpenAI from 'openai';
import { toFile } from 'openai';

import type { ResultLine } from '../../activities/batches/result-line.ts';
import { MODEL } from './names.ts';

const ENDPOINT = '/v1/threads/runs';
const WINDOW = 32;
/** Until a function is answered. */
const LATE_MS = 10_000;

export async function createTutor(client: OpenAI): Promise<string> {
  const lookup = { name: 'lookup', parameters: { type: 'object', properties: {} } };
  const { id } = await client.beta.assistants.create({
    model: MODEL,
    tools: [{ type: 'code_interpreter' }, { type: 'function', function: lookup }],
  });
  return id;
}

/** One in a hundred finds a fault of the model, one in ten runs code, one in twenty calls a function. */
function kindOf(n: number): 'fault' | 'cell' | 'function' | 'plain' {
  if (n % 100 === 7) return 'fault';
  if (n % 10 === 3) return 'cell';
  return n % 20 === 9 ? 'function' : 'plain';
}

export async function submitLines(
  client: OpenAI,
  assistant_id: string,
  { count, prefix, plain }: { count: number; prefix: string; plain: boolean },
): Promise<string> {
  const lines = Array.from({ length: count }, (_, n) => {
    const content = `Line ${prefix}${n} ${plain ? 'plain' : kindOf(n)}`;
    const body = { assistant_id, thread: { messages: [{ role: 'user', content }] } };
    return JSON.stringify({ custom_id: `${prefix}${n}`, method: 'POST', url: ENDPOINT, body });
  });
  const file = await toFile(Buffer.from(lines.join('\n')), 'input.jsonl');
  const input = await client.files.create({ file, purpose: 'batch' });
  const settings = { 'x-threadmill': { window: WINDOW } };
  const { id } = await client.batches.create({
    ...settings,
    input_file_id: input.id,
    endpoint: ENDPOINT as '/v1/responses',
    completion_window: '24h',
  });
  return id;
}

/** Gives outputs to runs that wait, some time after they were first seen. */
export async function answerLate(client: OpenAI, id: string, ended: () => boolean): Promise<void> {
  const seen = new Map<string, number>();
  while (!ended()) {
    const path = `/batches/${id}/requires_action?limit=100`;
    const page = (await client.get(path)) as { data: OpenAI.Beta.Threads.Run[] };
    for (const run of page.data) {
      const since = seen.get(run.id) ?? performance.now();
      seen.set(run.id, since);
      if (performance.now() - since >= LATE_MS) await submitOutputs(client, run);
    }
    await sleep(500);
  }
}

async function submitOutputs(client: OpenAI, run: OpenAI.Beta.Threads.Run): Promise<void> {
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
  const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: 'found' }));
  const outputs = { thread_id: run.thread_id, tool_outputs };
  // Of an answer that a restart cut off: the run does not wait any more.
  await client.beta.threads.runs.submitToolOutputs(run.id, outputs).catch(() => {});
}

export async function resultsOf(client: OpenAI, batch: OpenAI.Batch): Promise<ResultLine[]> {
  const files = [batch.output_file_id, batch.error_file_id].filter((id) => !!id);
  const texts = await Promise.all(
    files.map(async (id) => (await client.files.content(id!)).text()),
  );
  return texts.flatMap((text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultLine),
  );
}
