/** How a run of chaos begins and ends as a process: it leaves no mount and no process behind, whatever ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PARENT_CHECK_MS = 500;
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Mounts that root makes in it are gone with the last process in it. Resolves to the exit code. */
export async function runInOwnMounts(): Promise<number> {
  const program = [process.execPath, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...program], {
    stdio: 'inherit',
    env: { ...process.env, CHAOS_OWN_MOUNTS: 'true' },
  });
  for (const signal of ENDING) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 2;
}

/**
 * Aborts when somebody interrupts the run, so that it can end in order. A second signal ends it at once, as does the end of
 * the process that started it: children end with their parents.
 */
export function watchForEnd(): AbortSignal {
  const aborter = new AbortController();
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(2);
  }, PARENT_CHECK_MS).unref();
  for (const signal of ENDING) {
    process.on(signal, () => {
      if (aborter.signal.aborted) process.exit(2);
      aborter.abort();
    });
  }
  return aborter.signal;
}
