/** The CPU ledger: what each of our processes used, and what everything else on the computer used meanwhile. Linux. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds per clock tick of /proc; USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Names of parts with the processes that make them up. `tree`: the process's children belong to it. */
export type Parts = Record<string, { pid: number; tree?: boolean }>;

export type Usage = {
  wallMs: number;
  /** CPU milliseconds by part. */
  parts: Record<string, number>;
  /** Cores that processes other than the parts used, on average. */
  foreignCores: number;
  /** Cores that the hypervisor took away, on average. */
  stolenCores: number;
};

type Sample = { at: number; parts: Record<string, number>; busyMs: number; stolenMs: number };

/** Measures from now until the returned function is called. */
export async function startLedger(parts: Parts): Promise<() => Promise<Usage>> {
  const before = await sample(parts);
  return async () => {
    const after = await sample(parts);
    const wallMs = after.at - before.at;
    const used = Object.fromEntries(
      Object.keys(parts).map((name) => [
        name,
        Math.max(0, after.parts[name]! - before.parts[name]!),
      ]),
    );
    const own = Object.values(used).reduce((sum, ms) => sum + ms, 0);
    return {
      wallMs,
      parts: used,
      foreignCores: Math.max(0, after.busyMs - before.busyMs - own) / wallMs,
      stolenCores: (after.stolenMs - before.stolenMs) / wallMs,
    };
  };
}

/** Adds up measurements of the same parts. */
export function addUsage(usages: readonly Usage[]): Usage {
  const wallMs = usages.reduce((sum, usage) => sum + usage.wallMs, 0);
  const parts: Record<string, number> = {};
  for (const usage of usages) {
    for (const [name, ms] of Object.entries(usage.parts)) parts[name] = (parts[name] ?? 0) + ms;
  }
  const mean = (pick: (usage: Usage) => number) =>
    usages.reduce((sum, usage) => sum + pick(usage) * usage.wallMs, 0) / wallMs;
  return {
    wallMs,
    parts,
    foreignCores: mean((usage) => usage.foreignCores),
    stolenCores: mean((usage) => usage.stolenCores),
  };
}

const QUIET_SAMPLE_MS = 1_500;
const QUIET_CORES = 0.3;

/** Whether other programs and the hypervisor left us alone. Figures that were taken otherwise are marked. */
export function isQuiet({ foreignCores, stolenCores }: Usage): boolean {
  return foreignCores + stolenCores < QUIET_CORES;
}

/** Waits until it is quiet, at most `seconds`. False: it never was. */
export async function waitForQuiet(parts: Parts, seconds: number): Promise<boolean> {
  const until = performance.now() + seconds * 1_000;
  for (;;) {
    const stop = await startLedger(parts);
    await sleep(QUIET_SAMPLE_MS);
    if (isQuiet(await stop())) return true;
    if (performance.now() > until) return false;
    await sleep(2_000);
  }
}

async function sample(parts: Parts): Promise<Sample> {
  const table = await children();
  const entries = Object.entries(parts).map(async ([name, { pid, tree }]) => {
    const pids = tree === true ? [pid, ...descendants(table, pid)] : [pid];
    const ticks = await Promise.all(pids.map((one) => cpuTicks(one, tree === true && one === pid)));
    return [name, ticks.reduce((sum, value) => sum + value, 0) * TICK_MS] as const;
  });
  const [used, [, user, nice, system, , , irq, softirq, stolen]] = await Promise.all([
    Promise.all(entries),
    machine(),
  ]);
  return {
    at: performance.now(),
    parts: Object.fromEntries(used),
    busyMs: (user! + nice! + system! + irq! + softirq!) * TICK_MS,
    stolenMs: stolen! * TICK_MS,
  };
}

/** User and system time; with `reaped`, that of ended children too. */
async function cpuTicks(pid: number, reaped: boolean): Promise<number> {
  const fields = await statFields(pid);
  if (fields === undefined) return 0;
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return utime! + stime! + (reaped ? cutime! + cstime! : 0);
}

/** Fields after the command, which may hold spaces: state, ppid, … */
async function statFields(pid: number | string): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function children(): Promise<Map<number, number[]>> {
  const table = new Map<number, number[]>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      const parent = Number((await statFields(pid))?.[1]);
      table.set(parent, [...(table.get(parent) ?? []), Number(pid)]);
    }),
  );
  return table;
}

function descendants(table: Map<number, number[]>, pid: number): number[] {
  return (table.get(pid) ?? []).flatMap((child) => [child, ...descendants(table, child)]);
}

async function machine(): Promise<number[]> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  return line.split(/\s+/).map(Number);
}

/** Resident memory in MB. */
export async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? Number.NaN) / 1_024;
}
