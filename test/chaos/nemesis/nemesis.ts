/** Carries out a schedule on the running system, and writes down what it did and when. */
import { setTimeout as pause } from 'node:timers/promises';

import type { FaultRecord } from '../evidence.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import { healLink } from '../system/links.ts';
import type { Part } from '../system/part.ts';
import { POSTGRES_SIGNALS } from '../system/postgres.ts';
import type { ChaosSystem, PartName } from '../system/system.ts';
import type { Fault, Lane } from './schedule.ts';
import { describeFault, LOST_AFTER } from './schedule.ts';

export type NemesisOptions = {
  system: ChaosSystem;
  schedule: Fault[];
  /** Ends it early. */
  signal: AbortSignal;
  say: (line: string) => void;
};

const LANES: readonly Lane[] = ['processes', 'servers', 'network'];
/** What a part gets to drain before it is killed. */
const DRAIN_MS = 50_000;

/** Resolves when the last fault is over. Whatever a fault broke is whole again, but may still be starting. */
export async function runNemesis(options: NemesisOptions): Promise<FaultRecord[]> {
  const startedAt = Date.now();
  const records: FaultRecord[] = [];
  const runLane = async (lane: Lane) => {
    for (const fault of options.schedule.filter((one) => one.lane === lane)) {
      await sleep(startedAt + fault.at * 1_000 - Date.now(), options.signal);
      if (options.signal.aborted) return;
      records.push(await commit(options, fault));
    }
  };
  await Promise.all(LANES.map(runLane));
  return records.toSorted((a, b) => a.n - b.n);
}

async function commit({ system, say, signal }: NemesisOptions, fault: Fault): Promise<FaultRecord> {
  const startedAt = Date.now();
  say(describeFault(fault));
  const { n, kind, target } = fault;
  const note = await (target.includes('-')
    ? disturb(system.links.get(target)!, fault, signal)
    : strike(system, fault, signal));
  const record = { n, kind, target, startedAt, endedAt: Date.now() };
  return note === undefined ? record : { ...record, note };
}

/** @returns what was different from what was planned */
async function strike(
  system: ChaosSystem,
  fault: Fault,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kind, target, seconds = 0, value = 0 } = fault;
  if (target === 'model') return modelOutage(system, seconds, signal);
  if (kind === 'clock') {
    const clock = system.clocks.get(target)!;
    await clock.set(value);
    await sleep(seconds * 1_000, signal);
    await clock.set(0);
    return undefined;
  }
  const part = system.parts.get(target as PartName)!;
  if (kind === 'full-disk') return fullDisk(system, part, seconds, signal);
  if (!part.isReady) return 'It was down already.';
  switch (kind) {
    case 'kill':
      await part.end(target === 'postgres' ? POSTGRES_SIGNALS.immediate : 'SIGKILL');
      break;
    case 'terminate':
      return terminate(part);
    case 'freeze':
      part.freeze();
      await sleep(seconds * 1_000, signal);
      part.thaw();
      return undefined;
    case 'restart-fast':
      await part.end(POSTGRES_SIGNALS.fast);
      break;
    case 'restart-immediate':
      await part.end(POSTGRES_SIGNALS.immediate);
      break;
    case 'kill-backend':
      return killBackend(system);
    case 'crash':
    case 'outage':
      await part.hold(endOf(target, kind));
      await sleep(seconds * 1_000, signal);
      part.release();
      break;
    default:
      throw new Error(`Nobody knows how to do '${kind}'.`);
  }
  await part.ready();
  return undefined;
}

function endOf(target: string, kind: 'outage' | 'crash'): NodeJS.Signals {
  if (target !== 'postgres') return 'SIGKILL';
  return kind === 'crash' ? POSTGRES_SIGNALS.immediate : POSTGRES_SIGNALS.fast;
}

export async function terminate(part: Part): Promise<string | undefined> {
  const ended = part.end('SIGTERM').then(() => 'ended' as const);
  const first = await Promise.race([ended, pause(DRAIN_MS, 'late' as const, { ref: false })]);
  if (first === 'late') await part.end('SIGKILL');
  await part.ready();
  return first === 'late' ? `It did not end within ${DRAIN_MS / 1_000} s.` : undefined;
}

/** One server process of the database dies; the others end with it and the server recovers by itself. */
async function killBackend({ pool }: ChaosSystem): Promise<string | undefined> {
  const { rows } = await pool
    .query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name like 'threadmill-%' and backend_type = 'client backend'
       order by random() limit 1`,
    )
    .catch(() => ({ rows: [] }));
  if (rows[0] === undefined) return 'There was no connection.';
  process.kill(rows[0].pid, 'SIGKILL');
  return undefined;
}

async function fullDisk(
  { disk }: ChaosSystem,
  part: Part,
  seconds: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  // PostgreSQL ends itself when it cannot write its log, and whoever started it starts it again.
  part.excused = true;
  const filled = await disk!.fill().then(
    () => undefined,
    (error: Error) => error.message,
  );
  await sleep(seconds * 1_000, signal);
  await disk!.free();
  await part.ready();
  part.excused = false;
  return filled;
}

async function modelOutage(
  { links }: ChaosSystem,
  seconds: number,
  signal: AbortSignal,
): Promise<undefined> {
  const ways = ['worker0-model', 'worker1-model'].map((name) => links.get(name)!);
  for (const way of ways) way.refuse();
  await sleep(seconds * 1_000, signal);
  for (const way of ways) way.accept();
}

async function disturb(
  proxy: TcpProxy,
  fault: Fault,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kind, target, seconds = 0, value = 0 } = fault;
  switch (kind) {
    case 'cut':
      proxy.cut();
      return undefined;
    case 'slow':
      proxy.delay(value);
      break;
    case 'partition':
      proxy.refuse();
      break;
    case 'silence':
      proxy.hold('requests', 'replies');
      break;
    case 'half-open':
      proxy.halfOpen();
      break;
    case 'lose-answer':
      return loseAnswer(proxy, target, seconds, signal);
    default:
      throw new Error(`Nobody knows how to do '${kind}'.`);
  }
  await sleep(seconds * 1_000, signal);
  if (kind === 'half-open') proxy.cut();
  healLink(proxy);
  return undefined;
}

async function loseAnswer(
  proxy: TcpProxy,
  target: string,
  seconds: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [from = '', to = ''] = target.split('-');
  const lost = proxy.loseReply(LOST_AFTER[to] ?? LOST_AFTER[from]!).then(() => true);
  const happened = await Promise.race([lost, sleep(seconds * 1_000, signal).then(() => false)]);
  proxy.stopWatching();
  return happened ? undefined : 'There was no answer to lose.';
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await pause(milliseconds, undefined, { signal }).catch(() => {});
}
