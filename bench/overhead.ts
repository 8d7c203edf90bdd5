/** What a run costs over a direct model call and over a bare workflow that does the same work (performance.md P1 P2 P4 P5). */
import type { Usage } from './cpu.ts';
import { addUsage, isQuiet, waitForQuiet } from './cpu.ts';
import {
  fixed,
  harnessCell,
  postgresSettings,
  printTable,
  progress,
  usageRow,
  writeResult,
} from './report.ts';
import type { Arena, Batch, Measured, Side } from './sides.ts';
import { openArena } from './sides.ts';
import { startStack } from './stack.ts';
import type { Interval } from './statistics.ts';
import { median, medianWithInterval, quantile, spread } from './statistics.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
/** No round begins later than this. */
const MINUTES = Number(process.env['BENCH_MINUTES'] ?? 25);
/** Of the runs per batch; below 1 for a quick look. */
const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const QUIET_SECONDS = Number(process.env['BENCH_QUIET_SECONDS'] ?? 60);

/** One token at once, so that nothing but overhead is left; then an answer as a real model sends it. */
const BLOCKS = {
  one: {
    sides: ['D', 'W', "W'", 'ours'],
    kind: 'plain',
    count: 60,
    concurrency: 1,
    timing: 'fake:n=1',
  },
  tool: {
    sides: ['W', "W'", 'ours'],
    kind: 'tool',
    count: 30,
    concurrency: 1,
    timing: 'fake:n=1,tools=1',
  },
  eight: { sides: ["W'", 'ours'], kind: 'plain', count: 240, concurrency: 8, timing: 'fake:n=1' },
  thirtyTwo: {
    sides: ["W'", 'ours'],
    kind: 'plain',
    count: 384,
    concurrency: 32,
    timing: 'fake:n=1',
  },
  real: {
    sides: ['D', "W'", 'ours'],
    kind: 'plain',
    count: 10,
    concurrency: 10,
    timing: 'fake:ttft=300,tps=50,n=100',
  },
} as const satisfies Record<string, Batch & { sides: readonly Side[] }>;

type Block = keyof typeof BLOCKS;
type Round = { quiet: boolean; blocks: Record<Block, Partial<Record<Side, Measured>>> };

export async function overhead(): Promise<void> {
  const stack = await startStack();
  try {
    await postgresSettings(stack);
    const arena = await openArena(stack);
    const rounds: Round[] = [];
    const until = performance.now() + MINUTES * 60_000;
    for (let index = 0; index < ROUNDS; index++) {
      if (index > 1 && performance.now() > until) break;
      const round = await runRound(arena, index);
      // The first round warms up: caches, prepared statements, compiled code.
      if (index > 0) rounds.push(round);
    }
    report(rounds);
    await writeResult('overhead', stack, { blocks: BLOCKS, rounds });
    await arena.stop();
  } finally {
    await stack.stop();
  }
}

async function runRound(arena: Arena, index: number): Promise<Round> {
  const quietBefore = await waitForQuiet(arena.stack.parts, QUIET_SECONDS);
  const blocks = {} as Round['blocks'];
  for (const name of Object.keys(BLOCKS) as Block[]) {
    const { sides, ...full } = BLOCKS[name];
    const batch = { ...full, count: Math.ceil(full.count * SCALE) };
    const done: Partial<Record<Side, Measured>> = {};
    for (const side of rotated(sides, index)) done[side] = await arena.measure(side, batch);
    blocks[name] = done;
  }
  const quiet = quietBefore && isQuiet(usageOf(blocks));
  progress(
    `round ${index}${index === 0 ? ' (warm-up)' : ''}: ${summary(blocks)}${quiet ? '' : ' — under load'}`,
  );
  return { quiet, blocks };
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function usageOf(blocks: Round['blocks']): Usage {
  const usages = Object.values(blocks).flatMap((sides) =>
    Object.values(sides).map((one) => one.usage),
  );
  return addUsage(usages);
}

function summary(blocks: Round['blocks']): string {
  const { one, eight, thirtyTwo } = blocks;
  return [
    `end ${fixed(median(one.ours!.endMs))} ms against ${fixed(median(one["W'"]!.endMs))}`,
    `${fixed(eight.ours!.runsPerSecond)} and ${fixed(thirtyTwo.ours!.runsPerSecond)} runs/s`,
    `against ${fixed(eight["W'"]!.runsPerSecond)} and ${fixed(thirtyTwo["W'"]!.runsPerSecond)}`,
    `${fixed(usageOf(blocks).foreignCores, 2)} foreign and ${fixed(usageOf(blocks).stolenCores, 2)} stolen cores`,
  ].join(', ');
}

function report(rounds: Round[]): void {
  const loaded = rounds.filter((round) => !round.quiet).length;
  if (loaded > 0) {
    console.log(
      `\n${loaded} of ${rounds.length} rounds were taken while other programs or computers used the CPU.`,
    );
  }
  printLatencies(rounds);
  printRatios(rounds);
  printUsage(rounds);
}

function printLatencies(rounds: Round[]): void {
  const row = (
    name: string,
    block: Block,
    side: Side,
    pick: (one: Measured) => number[] | undefined,
  ) => {
    const { p50, p95, p99, n } = spread(
      rounds.flatMap((round) => pick(round.blocks[block][side]!) ?? []),
    );
    return [name, fixed(p50), fixed(p95), fixed(p99), n];
  };
  const added = (q: number) =>
    fixed(
      median(
        rounds.map(
          ({ blocks: { one } }) =>
            quantile(one.ours!.firstTextMs!, q) - quantile(one.D!.firstTextMs!, q),
        ),
      ),
    );
  printTable(
    'Latency, one run at a time (ms)',
    ['', 'p50', 'p95', 'p99', 'runs'],
    [
      row('first text, direct (D)', 'one', 'D', (one) => one.firstTextMs),
      row('first text, ours', 'one', 'ours', (one) => one.firstTextMs),
      ['first text added over direct', added(0.5), added(0.95), added(0.99), ''],
      row('end to end, bare workflow, empty (W)', 'one', 'W', (one) => one.endMs),
      row("end to end, bare workflow, same work (W')", 'one', "W'", (one) => one.endMs),
      row("… until its work was committed (W')", 'one', "W'", (one) => one.workMs),
      row('end to end, ours', 'one', 'ours', (one) => one.endMs),
      row("tool run, W'", 'tool', "W'", (one) => one.endMs),
      row('tool run, ours', 'tool', 'ours', (one) => one.endMs),
      row("signal → next model request, W'", 'tool', "W'", (one) => one.resumeMs),
      row('submit → next model request, ours', 'tool', 'ours', (one) => one.resumeMs),
      row('100 tokens at 50/s, ten at a time, direct', 'real', 'D', (one) => one.endMs),
      row("100 tokens at 50/s, ten at a time, W'", 'real', "W'", (one) => one.endMs),
      row('100 tokens at 50/s, ten at a time, ours', 'real', 'ours', (one) => one.endMs),
      row('… first text, direct', 'real', 'D', (one) => one.firstTextMs),
      row('… first text, ours', 'real', 'ours', (one) => one.firstTextMs),
    ],
  );
}

function printRatios(rounds: Round[]): void {
  const ratio = (pick: (blocks: Round['blocks']) => number): Interval =>
    medianWithInterval(rounds.map((round) => pick(round.blocks)));
  const endToEnd = (block: Block, control: (one: Measured) => number[]) =>
    ratio((blocks) => median(blocks[block].ours!.endMs) / median(control(blocks[block]["W'"]!)));
  const rate = (block: Block) =>
    ratio((blocks) => blocks[block].ours!.runsPerSecond / blocks[block]["W'"]!.runsPerSecond);
  const rows: [string, Interval, string, (interval: Interval) => boolean][] = [
    ["end to end over W'", endToEnd('one', (one) => one.endMs), '≤ 1.15', (i) => i.high <= 1.15],
    ["… over W' until its commit", endToEnd('one', (one) => one.workMs!), '', () => true],
    ["tool run over W'", endToEnd('tool', (one) => one.endMs), '≤ 1.3', (i) => i.high <= 1.3],
    [
      'resume over bare signal',
      ratio(({ tool }) => median(tool.ours!.resumeMs!) / median(tool["W'"]!.resumeMs!)),
      '≤ 1.25',
      (i) => i.high <= 1.25,
    ],
    ["100 tokens at 50/s over W'", endToEnd('real', (one) => one.endMs), '', () => true],
    ["runs/s over W', 1 at a time", rate('one'), '', () => true],
    ["runs/s over W', 8 at a time", rate('eight'), '≥ 0.75', (i) => i.low >= 0.75],
    ["runs/s over W', 32 at a time", rate('thirtyTwo'), '≥ 0.75', (i) => i.low >= 0.75],
  ];
  printTable(
    `Ratios: median of ${rounds.length} rounds with its 95 % interval`,
    ['', 'ratio', 'from', 'to', 'goal', 'met'],
    rows.map(([name, i, goal, met]) => [
      name,
      fixed(i.median, 2),
      fixed(i.low, 2),
      fixed(i.high, 2),
      goal,
      goal === '' ? '' : met(i) ? 'yes' : 'no',
    ]),
  );
}

function printUsage(rounds: Round[]): void {
  const of = (block: Block, side: Side): Usage =>
    addUsage(rounds.map((round) => round.blocks[block][side]!.usage));
  const rate = (block: Block, side: Side) =>
    fixed(median(rounds.map((round) => round.blocks[block][side]!.runsPerSecond)));
  const cases: [string, Block, Side][] = [
    ["W', 1 at a time", 'one', "W'"],
    ['ours, 1 at a time', 'one', 'ours'],
    ["W', 8 at a time", 'eight', "W'"],
    ['ours, 8 at a time', 'eight', 'ours'],
    ["W', 32 at a time", 'thirtyTwo', "W'"],
    ['ours, 32 at a time', 'thirtyTwo', 'ours'],
  ];
  const parts = Object.keys(rounds[0]!.blocks.one.ours!.usage.parts);
  printTable(
    'Runs per second, and CPU milliseconds per run by process',
    ['', 'runs/s', ...parts, 'foreign cores', 'stolen cores', 'harness'],
    cases.map(([name, block, side]) => {
      const usage = of(block, side);
      const [first, ...rest] = usageRow(
        name,
        usage,
        Math.ceil(BLOCKS[block].count * SCALE) * rounds.length,
      );
      return [first!, rate(block, side), ...rest, harnessCell(usage)];
    }),
  );
}
