/** Runs programs to their end, identifies running processes, and waits for conditions. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export type RunOptions = {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** Kills the program. */
  signal?: AbortSignal | undefined;
  /** Called for each line of standard error as it appears. */
  onErrorLine?: (line: string) => void;
};

/** Variables that other programs get. The rest may hold secrets, such as MODEL_API_KEY. */
const PASSED_ON = /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LC_\w+|XDG_\w+|GOMAXPROCS|GOMEMLIMIT)$/;

/** `also`: further names. */
export function environment(also?: RegExp): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env);
  return Object.fromEntries(variables.filter(([name]) => PASSED_ON.test(name) || also?.test(name)));
}

export type RunResult = { code: number | null; stdout: string; stderr: string };

/** Runs a program to its end, without the secrets of this process's environment. If it cannot start, the result has the code null and the reason in stderr. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const { input = '', onErrorLine, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: environment(), ...rest, stdio: 'pipe' });
    const result: RunResult = { code: null, stdout: '', stderr: '' };
    let partial = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      result.stderr += text;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      if (onErrorLine) lines.forEach(onErrorLine);
    });
    child.stdin.on('error', () => {}); // a program that ends without reading its input
    child.stdin.end(input);
    child.on('error', (error) => resolve({ ...result, stderr: error.message }));
    // Not 'exit', which may come before the last output. The pipes of pg_ctl close too: its server writes to a file.
    child.on('close', (code) => resolve({ ...result, code }));
  });
}

/**
 * The command line of a running process, or undefined. A zombie counts as gone: an init process of a container may never
 * reap it.
 */
export async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text === '' ? undefined : text.replace(/\0$/, '').replaceAll('\0', ' ');
  }
  const { code, stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
  return code === 0 && stdout.trim() !== '' && !/^\(.*\)$/.test(stdout.trim())
    ? stdout.trim()
    : undefined;
}

/** Waits until `condition` holds; false when `timeoutMs` passed first. */
export async function waitUntil(
  condition: () => Promise<boolean>,
  timeoutMs: number,
  intervalMs = 20,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await delay(intervalMs);
  }
  return true;
}

/** Sends a signal. A process that has ended is not an error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The end of a log file, or '' without a file. */
export async function tail(path: string, bytes = 8_192): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
