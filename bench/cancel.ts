/** How long a cancel takes to end the model's work: the request is sent → the model's connection is aborted. */
import { preciseNow } from '../test/support/fake-timing.ts';
import { waitForQuiet } from './cpu.ts';
import { call, inParallel, stream } from './http.ts';
import { createAssistants, createThreads } from './ours.ts';
import { fixed, postgresSettings, printTable, progress, writeResult } from './report.ts';
import { newSeed } from './sides.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';
import { spread } from './statistics.ts';

const CANCELS = 120;
const BACKGROUND = 100;
const QUIET_SECONDS = Number(process.env['BENCH_QUIET_SECONDS'] ?? 60);
const GOAL_P95_MS = 250;

type Cancel = { abortedMs: number; answeredMs: number; endedMs: number };

export async function cancel(): Promise<void> {
  const stack = await startStack();
  try {
    await postgresSettings(stack);
    const { plain } = await createAssistants(stack.api);
    await cancels(stack, plain, 10);
    const quiet = await waitForQuiet(stack.parts, QUIET_SECONDS);
    progress(`${CANCELS} cancels, nothing else going on${quiet ? '' : ' (but other programs)'}`);
    const idle = await cancels(stack, plain, CANCELS);
    progress(`${CANCELS} cancels beside ${BACKGROUND} live streams`);
    const busy = await besideStreams(stack, plain, () => cancels(stack, plain, CANCELS));
    report({ 'nothing else going on': idle, [`beside ${BACKGROUND} live streams`]: busy });
    await writeResult('cancel', stack, { quiet, idle, busy });
  } finally {
    await stack.stop();
  }
}

/** Cancels runs one after the other, each somewhere in the middle of its stream. */
async function cancels(stack: Stack, assistantId: string, count: number): Promise<Cancel[]> {
  const threads = await createThreads(stack.api, count);
  return inParallel(count, 1, (i) => cancelOne(stack, threads[i]!, assistantId));
}

async function cancelOne(stack: Stack, threadId: string, assistantId: string): Promise<Cancel> {
  const model = `fake:tps=20,n=2000,seed=${newSeed()}`;
  const path = `/threads/${threadId}/runs`;
  let runId = '';
  let deltas = 0;
  const streaming = Promise.withResolvers<void>();
  const body = { assistant_id: assistantId, model, stream: true };
  const ended = stream(stack.api, path, body, (event, data) => {
    if (event === 'thread.run.created') runId = (JSON.parse(data) as { id: string }).id;
    if (event === 'thread.message.delta' && ++deltas === 3) streaming.resolve();
  });
  await Promise.race([streaming.promise, ended]);
  const aborted = stack.fake.call('abortedAt', model);
  const sentAt = preciseNow();
  await call(stack.api, `${path}/${runId}/cancel`, {});
  const answeredMs = preciseNow() - sentAt;
  await ended;
  const endedMs = preciseNow() - sentAt;
  return { abortedMs: (await aborted) - sentAt, answeredMs, endedMs };
}

/** Keeps runs streaming while `work` goes on, then cancels them. */
async function besideStreams<T>(
  stack: Stack,
  assistantId: string,
  work: () => Promise<T>,
): Promise<T> {
  const threads = await createThreads(stack.api, BACKGROUND);
  const runs = await inParallel(BACKGROUND, 8, async (i) => {
    const path = `/threads/${threads[i]!}/runs`;
    const model = `fake:tps=20,n=20000,seed=${newSeed()}`;
    const run = await call<{ id: string }>(stack.api, path, { assistant_id: assistantId, model });
    const read = stream(stack.api, `${path}/${run.id}/events`, undefined, () => {});
    return { path: `${path}/${run.id}/cancel`, read };
  });
  const result = await work();
  await inParallel(BACKGROUND, 8, (i) => call(stack.api, runs[i]!.path, {}));
  await Promise.all(runs.map((run) => run.read));
  return result;
}

function report(cases: Record<string, Cancel[]>): void {
  const rows = Object.entries(cases).flatMap(([name, list]) => {
    const row = (title: string, pick: (one: Cancel) => number) => {
      const { p50, p95, p99, n } = spread(list.map(pick));
      return [`${title}, ${name}`, fixed(p50), fixed(p95), fixed(p99), n];
    };
    return [
      row('cancel sent → model aborted', (one) => one.abortedMs),
      row('cancel sent → answered', (one) => one.answeredMs),
      row('cancel sent → stream ended', (one) => one.endedMs),
    ];
  });
  printTable(
    `Cancel (ms); goal: aborted p95 < ${GOAL_P95_MS}`,
    ['', 'p50', 'p95', 'p99', 'runs'],
    rows,
  );
}
