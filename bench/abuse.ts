/**
 * What one thread's hostile code does to everybody else: the latency of cheap requests to the API while cells eat
 * memory, processes, disk, output and time, against the same requests in quiet. The two take turns within a round.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { call, stream, type Target } from './http.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { serve, stopOnSignal, temporaryDirectory } from './stack.ts';
import { medianWithInterval, spread } from './statistics.ts';

const ROUNDS = 5;
const SECONDS = 3;
const REQUESTS_PER_SECOND = 40;
const GOAL = 2;

/** The demo model runs a program that stands in the question as it is. */
const ABUSES: Record<string, string> = {
  memory: 'kept = []\nwhile True: kept.append(bytearray(10 << 20))',
  processes:
    'import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass',
  disk: 'with open("/mnt/data/fill", "wb") as file:\n    while True: file.write(bytes(1 << 20))',
  output: 'while True: print("x" * 1000)',
  time: 'while True:\n    try:\n        while True: pass\n    except BaseException: pass',
};

/** What goes on meanwhile: nothing, one kind, all kinds at once. */
const PHASES: Record<string, string[]> = {
  quiet: [],
  ...Object.fromEntries(Object.entries(ABUSES).map(([kind, code]) => [kind, [code]])),
  all: Object.values(ABUSES),
};

/** Milliseconds of each request, by phase. */
type Round = Record<string, number[]>;

export async function abuse(): Promise<void> {
  // Cells end soon, so that many of each kind run.
  Object.assign(process.env, { CELL_SOFT_SECONDS: '2', CELL_HARD_SECONDS: '3' });
  const dataDir = await temporaryDirectory();
  const served = await serve({ dataDir });
  stopOnSignal(() => served.stop());
  try {
    const tools = [{ type: 'code_interpreter' }];
    const { api } = served;
    const assistant = await call<{ id: string }>(api, '/assistants', { model: 'demo', tools });
    await measure(api);
    const rounds: Round[] = [];
    for (let number = 1; number <= ROUNDS; number++) {
      const round: Round = {};
      for (const [phase, codes] of Object.entries(PHASES))
        round[phase] = await beside(api, assistant.id, codes);
      rounds.push(round);
      const p99s = Object.entries(round).map(([phase, ms]) => `${phase} ${fixed(spread(ms).p99)}`);
      progress(`round ${number} of ${ROUNDS}, p99 in ms: ${p99s.join(', ')}`);
    }
    report(rounds);
    await writeResult('abuse', undefined, { abuses: ABUSES, rounds });
  } finally {
    await served.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** At a fixed rate, each timed from the moment it was due. */
async function measure(api: Target): Promise<number[]> {
  const body = { messages: [{ role: 'user', content: 'Hello' }] };
  const { id } = await call<{ id: string }>(api, '/threads', body);
  const kinds = [
    () => call(api, `/threads/${id}`),
    () => call(api, `/threads/${id}/messages?limit=5`),
    () => call(api, `/threads/${id}/messages`, body.messages[0]),
  ];
  const count = SECONDS * REQUESTS_PER_SECOND;
  const started = performance.now();
  const latencies = Array.from({ length: count }, async (_, index) => {
    const due = started + (index * 1_000) / REQUESTS_PER_SECOND;
    await sleep(Math.max(0, due - performance.now()));
    await kinds[index % kinds.length]!();
    return performance.now() - due;
  });
  return Promise.all(latencies);
}

/** One lane for each program, run after run, until the measurement is over. */
async function beside(api: Target, assistantId: string, codes: string[]): Promise<number[]> {
  let isOver = false;
  const firstCell = Promise.withResolvers<void>();
  if (codes.length === 0) firstCell.resolve();
  const lanes = codes.map(async (code) => {
    while (!isOver) await hostileRun(api, assistantId, code, () => firstCell.resolve());
  });
  await Promise.race([firstCell.promise, ...lanes]);
  const latencies = await measure(api);
  isOver = true;
  await Promise.all(lanes);
  return latencies;
}

async function hostileRun(
  api: Target,
  assistantId: string,
  code: string,
  onCell: () => void,
): Promise<void> {
  const content = `Run this:\n\`\`\`python\n${code}\n\`\`\``;
  const body = {
    assistant_id: assistantId,
    stream: true,
    thread: { messages: [{ role: 'user', content }] },
  };
  let status = '';
  await stream(api, '/threads/runs', body, (event) => {
    if (event === 'thread.run.step.in_progress') onCell();
    if (event.startsWith('thread.run.') && !event.startsWith('thread.run.step.')) status = event;
  });
  if (status !== 'thread.run.completed') throw new Error(`A hostile run ended with ${status}.`);
}

function report(rounds: Round[]): void {
  const rows = Object.keys(PHASES).map((phase) => {
    const { p50, p95, p99, n } = spread(rounds.flatMap((round) => round[phase]!));
    const figures = [phase, n, fixed(p50), fixed(p95), fixed(p99)];
    if (phase === 'quiet') return [...figures, '', ''];
    const p99Of = (round: Round, of: string) => spread(round[of]!).p99;
    const ratios = rounds.map((round) => p99Of(round, phase) / p99Of(round, 'quiet'));
    const { median, low, high } = medianWithInterval(ratios);
    const met = high <= GOAL ? 'yes' : low > GOAL ? 'no' : 'unclear';
    return [...figures, `${fixed(median, 2)} [${fixed(low, 2)}, ${fixed(high, 2)}]`, met];
  });
  printTable(
    'Latency of cheap requests beside hostile cells (ms)',
    ['', 'requests', 'p50', 'p95', 'p99', 'p99 over quiet', `≤ ${GOAL}`],
    rows,
  );
}
