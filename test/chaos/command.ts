/** One run from its options to its verdict: the system is started, disturbed, judged and taken down. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Evidence } from './evidence.ts';
import { judge } from './oracle/index.ts';
import type { ChaosOptions } from './options.ts';
import { readEvidence, writeEvidence } from './recording.ts';
import { report } from './report.ts';
import { runChaos } from './run-chaos.ts';
import { watchForEnd } from './supervise.ts';
import { canMount, mountDisk } from './system/disk.ts';
import { findCodeRunner } from './system/requirements.ts';
import { closeSystem, startSystem } from './system/system.ts';

/** Runs of this length and less have shorter outages, and runs of the API that live less long. */
const SHORT_MINUTES = 5;

/** @returns the exit code: 1 when a rule was broken */
export async function runCommand(options: ChaosOptions): Promise<number> {
  if (options.judge !== undefined) return tell(await readEvidence(options.judge));
  const evidence = await withDirectory(options, (directory) => gather(options, directory));
  if (options.record !== undefined) await writeEvidence(options.record, evidence);
  return tell(evidence);
}

async function gather(options: ChaosOptions, directory: string): Promise<Evidence> {
  const signal = watchForEnd();
  const code = await findCodeRunner(say);
  if (!canMount()) say('Full disks are left out: only root can mount a small one.');
  say(`Seed ${options.seed}, ${options.minutes} minutes, in ${directory}`);
  const disk = canMount() ? await mountDisk(join(directory, 'disk')) : undefined;
  const short = options.minutes <= SHORT_MINUTES;
  const longestOutage = short ? 15 : 60;
  const runExpirySeconds = short ? 150 : 300;
  try {
    const system = await startSystem({
      directory,
      disk,
      runExpirySeconds,
      code,
      from: options.from,
    });
    if (system.clocks.size === 0) say("Clock steps are left out: 'faketime' is not installed.");
    try {
      return await runChaos(system, { ...options, longestOutage }, signal, say);
    } finally {
      await closeSystem(system);
    }
  } finally {
    await disk?.unmount();
  }
}

async function withDirectory<T>(
  { directory: kept }: ChaosOptions,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = kept ?? (await mkdtemp(join(tmpdir(), 'threadmill-chaos-')));
  // Another user runs the database in it.
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  try {
    return await work(directory);
  } finally {
    if (kept === undefined) await rm(directory, { recursive: true, force: true });
  }
}

function tell(evidence: Evidence): number {
  const violations = judge(evidence);
  console.log(`\n${report(evidence, violations)}`);
  return violations.length > 0 ? 1 : 0;
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 23)} ${line}`);
}
