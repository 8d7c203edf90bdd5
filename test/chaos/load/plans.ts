/** What runs the load asks for: a mix of everything a run can be, by chance. */
import type { WantedRun } from '../evidence.ts';
import type { PlannedFailure, PlannedTurn } from '../model/plan.ts';
import type { Random } from '../random.ts';

/** `parked`: waits for outputs that never come. `refused`: the model server says no for good. */
export type RunKind =
  'text' | 'flaky' | 'function' | 'code' | 'search' | 'slow' | 'late' | 'parked' | 'refused';

export const KINDS: Readonly<Record<Exclude<RunKind, 'search' | 'code'>, number>> = {
  text: 6,
  flaky: 2,
  function: 5,
  slow: 3,
  late: 1,
  parked: 1,
  refused: 1,
};

export const WEIGHT_OF_CODE = 5;

export function planRun(random: Random, marker: string, kind: RunKind): WantedRun {
  const turns = turnsOf(random, marker, kind);
  const brief = kind === 'late' || kind === 'parked';
  return {
    marker,
    kind,
    plan: { run: marker, turns },
    expiresAfter: brief ? random.integer(3, 9) : null,
  };
}

function turnsOf(random: Random, marker: string, kind: RunKind): PlannedTurn[] {
  const last = answer(random, 3, 40);
  switch (kind) {
    case 'text':
      return [last];
    case 'flaky':
      return [{ ...last, failures: failures(random) }];
    case 'refused':
      return [{ ...last, failures: Array.from({ length: 20 }, () => ({ status: 400 })) }];
    // It would take up to half a minute: somebody cancels it, or it runs out of time.
    case 'slow':
    case 'late':
      return [{ words: random.integer(150, 300), firstMs: 200, paceMs: random.integer(60, 100) }];
    case 'function':
      return random.chance(0.3)
        ? [functions(random, marker), functions(random, marker), last]
        : [functions(random, marker), last];
    case 'parked':
      return [functions(random, marker), last];
    case 'code':
      return [cells(random, marker), last];
    case 'search':
      return [
        { ...brief(random), calls: [{ name: 'file_search', arguments: { queries: [marker] } }] },
        last,
      ];
  }
}

function answer(random: Random, from: number, to: number): PlannedTurn {
  return {
    words: random.integer(from, to),
    firstMs: random.integer(0, 600),
    paceMs: random.integer(5, 80),
  };
}

/** A turn that calls tools, sometimes after a word or two. */
function brief(random: Random): PlannedTurn {
  return { words: random.chance(0.3) ? 3 : 0, firstMs: random.integer(0, 300), paceMs: 20 };
}

function functions(random: Random, marker: string): PlannedTurn {
  const count = random.integer(1, 3);
  const calls = Array.from({ length: count }, (_, at) => ({
    name: 'lookup',
    arguments: { key: `${marker}-${at}` },
  }));
  return { ...brief(random), calls };
}

function cells(random: Random, marker: string): PlannedTurn {
  const sources = Array.from({ length: random.chance(0.25) ? 2 : 1 }, (_, at) =>
    cell(`${marker}-${at}`, random.chance(0.4) ? random.integer(1, 4) : 0),
  );
  const calls = sources.map((code) => ({
    name: 'code_interpreter',
    arguments: { code },
  }));
  const alsoAsks = random.chance(0.15)
    ? [{ name: 'lookup', arguments: { key: `${marker}-f` } }]
    : [];
  return { ...brief(random), calls: [...calls, ...alsoAsks] };
}

/** Counts the cells of its thread twice, in a variable and in a file: both must say the same, and leave out no number. */
function cell(name: string, seconds: number): string {
  return [
    'import time',
    'n = globals().get("n", 0) + 1',
    'open("/mnt/data/marks", "a").write("x")',
    `time.sleep(${seconds})`,
    `print("cell ${name} n=%d marks=%d" % (n, len(open("/mnt/data/marks").read())))`,
  ].join('\n');
}

/** How `cell` prints what it counted. */
export const CELL_OUTPUT = /cell (\S+) n=(\d+) marks=(\d+)/;

function failures(random: Random): PlannedFailure[] {
  const one = (): PlannedFailure =>
    random.pick([
      { status: 500 },
      { status: 503 },
      { status: 429, retryAfter: 1 },
      { cutAfter: 0 },
      { cutAfter: random.integer(1, 20) },
    ]);
  return Array.from({ length: random.integer(1, 2) }, one);
}
