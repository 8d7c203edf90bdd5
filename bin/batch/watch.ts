/** Follows a batch to its end, with one line of progress on standard error. */
import { setTimeout as sleep } from 'node:timers/promises';

import type OpenAI from 'openai';
import type { Batch } from 'openai/resources/batches';

import { progressLine } from './progress-line.ts';
import { rateMeter } from './rate.ts';

const POLL_MS = 2_000;
/** About a minute without the server, such as a restart of it. */
const RETRIES = 10;
/** Runs that are counted exactly. */
const MANY = 100;

const EXIT = { completed: 0, someFailed: 2, notCompleted: 3 };

/** Returns the batch as it ended. */
export async function watch(client: OpenAI, id: string): Promise<Batch> {
  await client.batches.retrieve(id); // reports an unreachable server at once
  const patient = client.withOptions({ maxRetries: RETRIES });
  const show = progressLine();
  const rate = rateMeter();
  try {
    for (;;) {
      const { data: batch, response } = await patient.batches.retrieve(id).withResponse();
      const waiting = batch.status === 'in_progress' ? await countWaiting(patient, id) : '';
      show(describe(batch) + waiting, rate(countsOf(batch)));
      if (hasEnded(batch)) return batch;
      await sleep(Number(response.headers.get('openai-poll-after-ms')) || POLL_MS);
    }
  } finally {
    show.end();
  }
}

export function hasEnded({ status }: Batch): boolean {
  return ['completed', 'failed', 'expired', 'cancelled'].includes(status);
}

/** The reasons of a batch that failed before a line ran. */
export function reportErrors({ errors }: Batch): void {
  for (const { line, code, message } of errors?.data ?? []) {
    console.error(`${line ? `line ${line}: ` : ''}${code}: ${message}`);
  }
}

export function exitCodeOf(batch: Batch): number {
  if (batch.status !== 'completed') return EXIT.notCompleted;
  return countsOf(batch).failed > 0 ? EXIT.someFailed : EXIT.completed;
}

function countsOf({ request_counts }: Batch) {
  const { total = 0, completed = 0, failed = 0 } = request_counts ?? {};
  return { total, failed, done: completed + failed };
}

function describe(batch: Batch): string {
  const { total, done, failed } = countsOf(batch);
  const { pause_reason: reason } = (batch as Settings)['x-threadmill'] ?? {};
  const paused = reason && !hasEnded(batch) ? ` (paused: ${reason})` : '';
  return `${batch.id} ${batch.status}${paused}: ${done}/${total} lines, ${failed} failed`;
}

type Settings = { 'x-threadmill'?: { pause_reason: string | null } };

/** The runs that wait for outputs of their functions. */
async function countWaiting(client: OpenAI, id: string): Promise<string> {
  const path = `/batches/${encodeURIComponent(id)}/requires_action?limit=${MANY}`;
  const { data, has_more } = await client.get<{ data: object[]; has_more: boolean }>(path);
  if (data.length === 0) return '';
  return `, ${data.length}${has_more ? ' or more' : ''} in requires_action`;
}
