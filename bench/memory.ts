/** Memory of API and worker in the one process of `npm start`, and how long it takes to start (performance.md P20 P21). */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { residentMb } from './cpu.ts';
import { inParallel } from './http.ts';
import { createAssistants, createThreads, runOurs } from './ours.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Served } from './stack.ts';
import { serve, temporaryDirectory } from './stack.ts';

const STARTS = 5;
const IDLE_MS = 20_000;
const RUNS = 500;

/** Resident MB of each process. */
type Memory = { when: string; serve: number; temporal: number };

export async function memory(): Promise<void> {
  const dataDir = await temporaryDirectory();
  let served: Served | undefined;
  try {
    const starts: number[] = [];
    for (let i = 0; i <= STARTS; i++) {
      served = await serve({ dataDir });
      progress(`start ${i}: ready after ${fixed(served.readySeconds, 2)} s`);
      starts.push(served.readySeconds);
      if (i < STARTS) await served.stop();
    }
    const measured: Memory[] = [await measure(served!, 'just ready')];
    await sleep(IDLE_MS);
    measured.push(await measure(served!, `idle for ${IDLE_MS / 1_000} s`));
    await runMany(served!);
    measured.push(await measure(served!, `after ${RUNS} runs`));
    await sleep(IDLE_MS);
    measured.push(await measure(served!, `idle for ${IDLE_MS / 1_000} s again`));
    report(starts, measured);
    await writeResult('memory', undefined, { starts, measured });
  } finally {
    await served?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure({ pids }: Served, when: string): Promise<Memory> {
  const [serve, temporal] = await Promise.all([residentMb(pids.serve), residentMb(pids.temporal)]);
  return { when, serve, temporal };
}

/** Against the demo model, which lives in the same process and so is part of the figure. */
async function runMany({ api }: Served): Promise<void> {
  const { plain } = await createAssistants(api);
  const threads = await createThreads(api, RUNS);
  await inParallel(RUNS, 8, (i) => runOurs(api, threads[i]!, plain, 'gpt-4o'));
}

function report(starts: number[], measured: Memory[]): void {
  const [first, ...later] = starts;
  printTable(
    'Start, process begun → ready (s); goal ≤ 5 for a later one',
    ['', 's'],
    [
      ['first, with an empty data directory', fixed(first!, 2)],
      ...later.map((seconds, i) => [`later ${i + 1}`, fixed(seconds, 2)]),
    ],
  );
  printTable(
    'Resident memory (MB); goal: API + worker, idle ≤ 350',
    ['', 'API + worker', 'Temporal server'],
    measured.map(({ when, serve, temporal }) => [when, fixed(serve, 0), fixed(temporal, 0)]),
  );
}
