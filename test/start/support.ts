/** Runs the programs in bin/ as a person at a terminal does. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Outcome = { code: number | null; stdout: string; stderr: string };
export type Program = {
  child: ChildProcess;
  /** Resolves with what was printed so far, once that matches; rejects when the program ends before. */
  printed(pattern: RegExp): Promise<string>;
  ended: Promise<Outcome>;
};

type Options = {
  env?: Record<string, string>;
  /** A program, with its arguments, that starts Node. */
  launcher?: string[];
  node?: string[];
};

/** Starts `node <script> ...args`; it is killed at the end of the test if it still runs. */
export function start(script: string, args: string[] = [], options: Options = {}): Program {
  const { env, launcher = [], node = [] } = options;
  const [program = '', ...rest] = [...launcher, process.execPath, ...node, script, ...args];
  const child = spawn(program, rest, {
    cwd: ROOT,
    env: { ...cleanEnvironment(), ...env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const printed = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(output.stdout) && resolve(output.stdout);
      child.stdout.on('data', look);
      look();
      void ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)));
    });
  return { child, printed, ended };
}

/** Runs to the end. */
export function runToEnd(
  script: string,
  args: string[] = [],
  options: Options = {},
): Promise<Outcome> {
  return start(script, args, options).ended;
}

/** Without the settings and test hooks of the process that runs the tests. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(VITEST|TEST_|NODE_OPTIONS|THREADMILL_|DATABASE_|TEMPORAL_|MODEL|SANDBOX|PORT$|HOST$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
