/**
 * The sides that the overhead bench compares, each a batch of runs:
 *   D   direct: the client and the model, without us
 *   W   bare: a Temporal workflow whose activities are empty
 *   W'  W with activities that call the model and write the same rows
 *   ours  HTTP, streamed to the client
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import type { Kind } from './bare/activities.ts';
import type { BareHandlers } from './bare/main.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';
import type { Usage } from './cpu.ts';
import { startLedger } from './cpu.ts';
import { inParallel } from './http.ts';
import type { Assistants } from './ours.ts';
import { createAssistants, createThreads, recordTemplate, runDirect, runOurs } from './ours.ts';
import { temporaryDirectory } from './stack.ts';
import type { Stack } from './stack.ts';

const SIDES = ['D', 'W', "W'", 'ours'] as const;
export type Side = (typeof SIDES)[number];

export type Batch = { kind: Kind; count: number; concurrency: number; timing: string };

/** Milliseconds of each run of a batch; what a side does not have is left out. */
export type Measured = {
  side: Side;
  runsPerSecond: number;
  usage: Usage;
  endMs: number[];
  /** W and W': until the work was done, when a client could know at the earliest. */
  workMs?: number[];
  firstTextMs?: number[];
  /** Signal or outputs sent → the model's next request arrives. */
  resumeMs?: number[];
};

export type Arena = {
  stack: Stack;
  bare: Child<BareHandlers>;
  assistants: Assistants;
  measure(side: Side, batch: Batch): Promise<Measured>;
  stop(): Promise<void>;
};

export async function openArena(stack: Stack): Promise<Arena> {
  const assistants = await createAssistants(stack.api);
  const template = await recordTemplate(stack, assistants);
  const bundle = join(await temporaryDirectory(), 'bare-bundle.js');
  const builder = startChild<BareHandlers>('./bare/main.ts');
  await builder.call('buildBundle', bundle);
  await builder.stop();
  const bare = startChild<BareHandlers>('./bare/main.ts');
  await bare.call('setUp', {
    databaseUrl: stack.databaseUrl,
    temporalAddress: stack.temporalAddress,
    modelBaseUrl: stack.model.baseUrl,
    bundle,
    template,
  });
  stack.parts['bare'] = { pid: bare.pid };
  const arena = { stack, bare, assistants };
  return {
    ...arena,
    measure: (side, batch) => measure(arena, side, batch),
    stop: () => bare.stop(),
  };
}

async function measure(
  arena: Omit<Arena, 'measure' | 'stop'>,
  side: Side,
  batch: Batch,
): Promise<Measured> {
  const { stack, assistants } = arena;
  // An id per run, so that the model's arrivals can be told apart.
  const models = Array.from({ length: batch.count }, () => `${batch.timing},seed=${newSeed()}`);
  const threads = side === 'ours' ? await createThreads(stack.api, batch.count) : [];
  const ids = models.map(() => `bench-${randomUUID()}`);
  const stopLedger = await startLedger(stack.parts);
  const started = performance.now();
  const timed = async <T>(work: Promise<T[]>) => {
    const runs = await work;
    const seconds = (performance.now() - started) / 1_000;
    const runsPerSecond = batch.count / seconds;
    return { runs, common: { side, runsPerSecond, usage: await stopLedger() } };
  };
  const { count, concurrency, kind } = batch;
  if (side === 'D') {
    const { runs, common } = await timed(
      inParallel(count, concurrency, (i) => runDirect(stack.model, models[i]!)),
    );
    return { ...common, ...timesOf(runs) };
  }
  if (side === 'ours') {
    const { runs, common } = await timed(
      inParallel(count, concurrency, (i) =>
        runOurs(stack.api, threads[i]!, assistants[kind], models[i]!),
      ),
    );
    return {
      ...common,
      ...timesOf(runs),
      ...(await resumes(
        stack,
        kind,
        models,
        runs.map((run) => run.submittedAt),
      )),
    };
  }
  const inputs = models.map((model, i) => ({ id: ids[i]!, model }));
  const { runs, common } = await timed(
    arena.bare.call('run', kind, side === 'W', inputs, concurrency).then((done) => done.runs),
  );
  return {
    ...common,
    endMs: runs.map((run) => run.resultMs),
    workMs: runs.map((run) => run.workMs),
    ...(side === 'W'
      ? {}
      : await resumes(
          stack,
          kind,
          models,
          runs.map((run) => run.signalledAt),
        )),
  };
}

function timesOf(runs: { endMs: number; firstTextMs: number }[]) {
  return {
    endMs: runs.map((run) => run.endMs),
    firstTextMs: runs.map((run) => run.firstTextMs),
  };
}

async function resumes(
  stack: Stack,
  kind: Kind,
  models: string[],
  sentAt: (number | undefined)[],
): Promise<{ resumeMs?: number[] }> {
  if (kind === 'plain') return {};
  const arrivals = await stack.fake.call('arrivals', models);
  return { resumeMs: arrivals.map((at, i) => at[1]! - sentAt[i]!) };
}

let seed = 0;
export function newSeed(): number {
  return ++seed;
}
