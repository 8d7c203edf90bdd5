/**
 * Readers of live runs. Each token's text is the moment at which the model sent it, so a reader knows how long every
 * token took, and a text in which all stamps are there and rise has lost and swapped nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type OpenAI from 'openai';

import { preciseNow } from '../test/support/fake-timing.ts';
import type { Target } from './http.ts';
import { call, stream } from './http.ts';

export type Behaviour = 'steady' | 'slow' | 'disconnecting' | 'late';

export type Job = { threadId: string; assistantId: string; model: string; behaviour: Behaviour };

export type Reading = {
  runId: string;
  threadId: string;
  behaviour: Behaviour;
  /** What the reader saw, in the order in which it saw it. */
  text: string;
  deltas: number;
};

/** Called for each token: when it was read and how long it took, in ms. */
export type OnToken = (at: number, delayMs: number) => void;

/** Pauses of the slow reader; five times as long as the time between tokens. */
const SLOW_MS = 250;
/** Deltas after which the disconnecting reader leaves, and which the late one has missed. */
const LEAVE_AFTER = 100;

/** Starts a run through the official client and reads it to its end in the reader's own way. */
export async function readRun(
  client: OpenAI,
  api: Target,
  job: Job,
  { onToken, slowUntil }: { onToken: OnToken; slowUntil: Promise<void> },
): Promise<Reading> {
  const reading: Reading = {
    runId: '',
    threadId: job.threadId,
    behaviour: job.behaviour,
    text: '',
    deltas: 0,
  };
  const events = await client.beta.threads.runs.create(job.threadId, {
    assistant_id: job.assistantId,
    model: job.model,
    stream: true,
  });
  let slow = job.behaviour === 'slow';
  void slowUntil.then(() => (slow = false));
  for await (const { event, data } of events) {
    if (event === 'thread.run.created') reading.runId = data.id;
    if (event !== 'thread.message.delta') continue;
    const part = data.delta.content?.[0];
    const text = part?.type === 'text' ? (part.text?.value ?? '') : '';
    take(reading, text, job.behaviour === 'steady' ? onToken : undefined);
    if (slow) await sleep(SLOW_MS);
    // Leaving the loop aborts the request.
    if (job.behaviour === 'disconnecting' && reading.deltas === LEAVE_AFTER) break;
    if (job.behaviour === 'late' && reading.deltas === LEAVE_AFTER) break;
  }
  if (job.behaviour === 'disconnecting' || job.behaviour === 'late') await rejoin(api, reading);
  return reading;
}

/** The disconnecting reader reads on from where it stopped; the late one reads the run again from its beginning. */
async function rejoin(api: Target, reading: Reading): Promise<void> {
  await sleep(1_000);
  const path = `/threads/${reading.threadId}/runs/${reading.runId}/events`;
  // created, queued, in_progress, two of the step and two of the message come before the first delta.
  const after = reading.behaviour === 'late' ? 0 : 7 + reading.deltas;
  if (reading.behaviour === 'late') Object.assign(reading, { text: '', deltas: 0 });
  await stream(api, `${path}?starting_after=${after}`, undefined, (event, data) => {
    if (event !== 'thread.message.delta') return;
    const { delta } = JSON.parse(data) as { delta: { content: { text: { value: string } }[] } };
    take(reading, delta.content[0]!.text.value, undefined);
  });
}

function take(reading: Reading, text: string, onToken: OnToken | undefined): void {
  reading.text += text;
  reading.deltas += 1;
  if (onToken === undefined) return;
  const now = preciseNow();
  // Tokens that were joined into one delta carry a stamp each.
  for (const stamp of text.trim().split(' ')) onToken(now, now - Number(stamp));
}

/** The same tokens straight from the model: what the harness itself adds. */
export async function readDirect(client: OpenAI, model: string, onToken: OnToken): Promise<void> {
  const chunks = await client.chat.completions.create({
    model,
    stream: true,
    messages: [{ role: 'user', content: 'Say something.' }],
  });
  for await (const { choices } of chunks) {
    const text = choices[0]?.delta.content;
    if (!text) continue;
    const now = preciseNow();
    onToken(now, now - Number(text));
  }
}

export type Fault = { runId: string; behaviour: Behaviour; problem: string };

/** Compares what was read with what is stored, and both with what was sent. */
export async function check(api: Target, reading: Reading, tokens: number): Promise<Fault[]> {
  const { data } = await call<{ data: StoredMessage[] }>(
    api,
    `/threads/${reading.threadId}/messages?run_id=${reading.runId}`,
  );
  const stored = data[0]?.content[0]?.text.value ?? '';
  const stamps = stored.trim().split(' ');
  const problems = [
    stamps.length === tokens ? '' : `${stamps.length} of ${tokens} tokens are stored`,
    stamps.every((stamp) => /^\d{13}\.\d{3}$/.test(stamp)) ? '' : 'a stored token is damaged',
    stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]!)
      ? ''
      : 'stored tokens are swapped',
    stored === reading.text
      ? ''
      : `the reader saw ${reading.text.length} of ${stored.length} characters`,
    data[0]?.status === 'completed' ? '' : `the message is ${data[0]?.status}`,
  ];
  const { runId, behaviour } = reading;
  return problems.filter(Boolean).map((problem) => ({ runId, behaviour, problem }));
}

type StoredMessage = { status: string; content: { text: { value: string } }[] };
