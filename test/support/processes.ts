/** The API and the worker as processes of their own, as in production, for tests that kill them. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** For `--import`: a program that loads it ends with the process that THREADMILL_PARENT names, which must have started it. */
export const END_WITH_PARENT = new URL('../../bin/end-with-parent.mjs', import.meta.url).href;
const READY_MS = 60_000;

export type LogLine = { level: number; msg: string; [field: string]: unknown };
export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** One process of ours, known by its pid alone. */
export class OwnProcess implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** What it logged so far. */
  readonly lines: LogLine[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #errors = '';

  private constructor(name: string, child: ChildProcess) {
    if (child.pid === undefined) throw new Error(`The ${name} could not be started.`);
    this.name = name;
    this.pid = child.pid;
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#onLine(line));
    child.stderr!.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.exited = new Promise((resolve) =>
      child.once('close', (code, signal) => {
        resolve({ code, signal });
        for (const check of this.#watchers) check();
      }),
    );
  }

  /** Runs an entry such as `api/main.ts` with exactly this environment. It ends with this process. */
  static start(entry: string, environment: Record<string, string>): OwnProcess {
    const child = spawn(process.execPath, ['--import', END_WITH_PARENT, entry], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, THREADMILL_PARENT: String(process.pid), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new OwnProcess(entry.split('/')[0]!, child);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first line with this message, once it is logged. */
  logged(message: string): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        done();
      };
      const check = () => {
        const line = this.lines.find(({ msg }) => msg === message);
        if (line !== undefined) settle(() => resolve(line));
        else if (!this.running) settle(() => reject(this.#failure(`ended before '${message}'`)));
      };
      const timer = setTimeout(
        () => settle(() => reject(this.#failure(`never logged '${message}'`))),
        READY_MS,
      );
      this.#watchers.add(check);
      check();
    });
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, name);
  }

  /** SIGKILL: returns when nothing of the process is left. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  #onLine(text: string): void {
    if (process.env.TEST_LOG_LEVEL !== undefined) {
      process.stderr.write(`${this.name} ${this.pid} ${text}\n`);
    }
    this.lines.push(toLine(text));
    for (const check of this.#watchers) check();
  }

  #failure(what: string): Error {
    const logs = this.lines.map((line) => JSON.stringify(line)).join('\n');
    return new Error(`The ${this.name} ${what}.\n${logs}\n${this.#errors}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function toLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 0, msg: text };
  }
}

export type DescendantProcess = { pid: number; command: string };

/** Every process below `pid` that is alive now. */
export async function descendants(pid: number): Promise<DescendantProcess[]> {
  // Each thread has its own list of children.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  const found = await Promise.all(
    children.map(async (child) => [
      { pid: child, command: await commandOf(child) },
      ...(await descendants(child)),
    ]),
  );
  return found.flat().filter(({ command }) => command !== '');
}

/** A process that has ended, a zombie included, has no command line. */
export async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text.split('\0').join(' ').trim();
}
