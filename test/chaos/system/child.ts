/**
 * A child process that ends with its parent, whatever ends the parent: Linux sends it a signal at that moment. Its output
 * goes to a file, and lines of JSON can be waited for.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type ChildOptions = {
  command: string;
  args: string[];
  env: Record<string, string>;
  /** Appended to. */
  logFile: string;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** What it is sent when its parent has ended. */
  deathSignal?: 'KILL' | 'QUIT';
};

export class Child {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #seen = new Set<string>();
  readonly #watchers = new Set<() => void>();

  constructor(options: ChildOptions) {
    const { command, args, env, cwd, uid, gid, deathSignal = 'KILL' } = options;
    this.#child = spawn('setpriv', ['--pdeathsig', deathSignal, '--', command, ...args], {
      cwd,
      uid,
      gid,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.on('error', () => {}); // 'close' follows
    this.pid = this.#child.pid ?? 0;
    this.exited = new Promise((resolve) =>
      this.#child.once('close', (code, signal) => resolve({ code, signal })),
    );
    const log = createWriteStream(options.logFile, { flags: 'a' });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.pipe(log, { end: false });
      createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
    }
    void this.exited.then(() => {
      log.end();
      this.#check();
    });
  }

  get running(): boolean {
    return this.pid > 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, name);
  }

  /** Resolves once this message was logged, and rejects when the process ends before that. */
  logged(message: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!this.#seen.has(message) && this.running) return;
        this.#watchers.delete(check);
        if (this.#seen.has(message)) resolve();
        else reject(new Error(`It ended before it logged '${message}'.`));
      };
      this.#watchers.add(check);
      check();
    });
  }

  #onLine(text: string): void {
    const message = /"msg":"([^"]*)"/.exec(text)?.[1];
    if (message === undefined || this.#seen.has(message)) return;
    this.#seen.add(message);
    this.#check();
  }

  #check(): void {
    for (const check of this.#watchers) check();
  }
}
