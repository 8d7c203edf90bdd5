/**
 * The sandbox against a plain Python in the same run: cold start, a warm cell, the first plot, saving and restoring the
 * variables, ten sessions at once. The sides take turns within a round. Storing what was saved is not part of it.
 */
import type { SandboxOptions } from '../sandbox/index.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { backendSide, plainSide } from './sandbox/sides.ts';
import type { Python, Side } from './sandbox/sides.ts';
import { median, medianWithInterval } from './statistics.ts';
import type { Interval } from './statistics.ts';

const ROUNDS = 7;
const STARTS = 3;
const WARM_CELLS = 100;
const AT_ONCE = 10;
const MEGABYTES = [1, 10, 60];

/** Milliseconds by what was measured. */
type Figures = Record<string, number>;
type Round = { ours: Figures; plain: Figures };

const BACKENDS = (process.env['BENCH_SANDBOXES'] ?? 'bubblewrap,pyodide').split(',');

export async function sandboxBench(): Promise<void> {
  for (const name of BACKENDS) {
    const side = await backendSide(name as SandboxOptions['backend']);
    if (side === undefined) continue;
    await against(side, plainSide());
    await side.close();
  }
}

async function against(side: Side, plain: Side): Promise<void> {
  const packages = side.status?.packages.join(' ') ?? '';
  const rounds: Round[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const figures: Partial<Round> = {};
    const turns = [
      async () => void (figures.ours = await measure(side, packages)),
      async () => void (figures.plain = await measure(plain, packages)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
    progress(`${side.name}: ${round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}`}`);
    if (round > 0) rounds.push(figures as Round);
  }
  report(side.name, rounds);
  await writeResult(`sandbox-${side.name}`, undefined, { sandbox: side.status, rounds });
}

/** Both sides handle the same values, made with what the sandbox has. */
async function measure(side: Side, packages: string): Promise<Figures> {
  const make = packages.includes('pandas') ? withPandas : withBytes;
  return {
    'cold start': await coldStart(side),
    'warm cell': await inPython(side.start(), warmCell),
    'warm cell + checkpoint': await inPython(side.startSession(), warmCell),
    '… with 10 MB held': await inPython(side.startSession(), async (session) => {
      await session.run(make(10));
      return warmCell(session);
    }),
    ...(packages.includes('matplotlib') ? { 'first plot': await firstPlot(side) } : {}),
    ...(await saveAndRestore(side, make)),
    [`${AT_ONCE} at once`]: await atOnce(side),
  };
}

/** Until the first cell has run. */
async function coldStart(side: Side): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const started = performance.now();
    const python = await side.start();
    await python.run('x = 1');
    times.push(performance.now() - started);
    await python.stop();
  }
  return median(times);
}

async function warmCell({ run }: Pick<Python, 'run'>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < WARM_CELLS; i++) times.push(await timed(() => run('x = 1')));
  return median(times.slice(WARM_CELLS / 10));
}

const PLOT = `
import matplotlib.pyplot as plt
plt.plot([one * one for one in range(100)])
plt.title('squares')
`;
/** What a sandbox does by itself at the end of a cell. */
const PICTURE = `
import io
plt.savefig(io.BytesIO(), format='png')
plt.close('all')
`;

async function firstPlot(side: Side): Promise<number> {
  const code = side.name === 'plain' ? PLOT + PICTURE : PLOT;
  return inPython(side.start(), (python) => timed(() => python.run(code)));
}

/** Half an array, half a frame. */
function withPandas(megabytes: number): string {
  const values = (megabytes * 2 ** 20) / 8 / 2;
  return `
import numpy, pandas
numbers = numpy.random.default_rng(1).random(${values})
table = pandas.DataFrame({name: numpy.random.default_rng(2).random(${values / 4}) for name in 'abcd'})
`;
}

function withBytes(megabytes: number): string {
  return `import random\ndata = random.randbytes(${megabytes} * 2**20)\n`;
}

async function saveAndRestore(side: Side, make: (megabytes: number) => string): Promise<Figures> {
  const figures: Figures = {};
  for (const size of MEGABYTES) {
    let blob: Buffer = Buffer.alloc(0);
    figures[`save ${size} MB`] = await inPython(side.start(), async (python) => {
      await python.run(make(size));
      return timed(async () => void (blob = await python.save()));
    });
    if (blob.length < size * 2 ** 20 * 0.9) {
      throw new Error(`Only ${blob.length} bytes were saved.`);
    }
    let restored: Python | undefined;
    figures[`restore ${size} MB`] = await timed(async () => {
      restored = await side.start();
      await restored.restore(blob);
    });
    await restored?.stop();
  }
  return figures;
}

async function atOnce(side: Side): Promise<number> {
  let pythons: Python[] = [];
  const ms = await timed(async () => {
    pythons = await Promise.all(Array.from({ length: AT_ONCE }, () => side.start()));
    await Promise.all(pythons.map((python) => python.run('x = 1')));
  });
  await Promise.all(pythons.map((python) => python.stop()));
  return ms;
}

async function inPython<P extends Pick<Python, 'stop'>>(
  starting: Promise<P>,
  use: (python: P) => Promise<number>,
): Promise<number> {
  const python = await starting;
  try {
    return await use(python);
  } finally {
    await python.stop();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

type Goal = { words: string; of: (ours: number, plain: number) => number; most: number };
const GOALS: Record<string, Goal> = {
  'cold start': { words: '≤ 60 ms', of: (ours) => ours, most: 60 },
  'warm cell': { words: '≤ 1 ms over', of: (ours, plain) => ours - plain, most: 1 },
  'save 10 MB': { words: '≤ 100 ms', of: (ours) => ours, most: 100 },
  'restore 10 MB': { words: '≤ 1 s', of: (ours) => ours, most: 1_000 },
};

/** A goal is met when the whole interval is on its right side. */
function report(name: string, rounds: Round[]): void {
  const rows = Object.keys(rounds[0]!.ours).map((what) => {
    const pairs = rounds.map((round) => [round.ours[what]!, round.plain[what]!] as const);
    const ratio = medianWithInterval(pairs.map(([ours, plain]) => ours / plain));
    const goal = GOALS[what];
    const value = goal && medianWithInterval(pairs.map(([ours, plain]) => goal.of(ours, plain)));
    return [
      what,
      fixed(median(pairs.map(([ours]) => ours)), 2),
      fixed(median(pairs.map(([, plain]) => plain)), 2),
      interval(ratio, 2),
      goal === undefined ? '' : `${goal.words}: ${interval(value!, 2)}`,
      goal === undefined
        ? ''
        : value!.high <= goal.most
          ? 'yes'
          : value!.low > goal.most
            ? 'no'
            : 'unclear',
    ];
  });
  const header = ['ms, medians of the rounds', name, 'plain', 'ratio', 'goal', 'met'];
  printTable(`${name} over a plain Python, ${rounds.length} rounds`, header, rows);
}

function interval({ median: middle, low, high }: Interval, digits: number): string {
  return `${fixed(middle, digits)} [${fixed(low, digits)}, ${fixed(high, digits)}]`;
}
