/**
 * One kernel: the process tree of one session, seen through its pipes.
 * fd 1 carries output, fd 2 only what the launcher says before Python runs, fd 3 takes frames, fd 4 brings them.
 * A cell has ended when its `done` frame and its marker in the output have both arrived, in either order.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import type { CellOutcome, CellStatus, FileEntry, Kernel, Limits } from './backend.ts';
import { KernelError, KernelStartError } from './backend.ts';
import type { KernelFrame } from './frames.ts';
import { encodeFrame, frameDecoder } from './frames.ts';
import { memoryInUse } from './memory.ts';
import type { OutputBuffer } from './output.ts';
import { outputBuffer } from './output.ts';
import { exitText, firstChild, killIfAlive } from './processes.ts';

const START_SECONDS = 10;
const WATCH_MEMORY_MS = 100;
// A cell that closed the driver's copy of its output never sends the marker.
const MARKER_GRACE_MS = 1_000;
const LAUNCHER_GRACE_MS = 300;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const MAX_LAUNCHER_BYTES = 4_096;

type Cell = {
  readonly id: string;
  readonly output: OutputBuffer;
  readonly ended: PromiseWithResolvers<CellStatus>;
  marked: boolean;
  status: CellStatus | undefined;
};

/** Why it is over. */
type End = { status: CellStatus; reason: string };

/** The kernel over `child`, whose memory includes its files in `folders`. Use `ready()` before the first cell. */
export class ProcessKernel implements Kernel {
  readonly #child: ChildProcess;
  readonly #limits: Limits;
  readonly #folders: readonly string[];
  readonly #closed = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  readonly #decode = frameDecoder();
  #launcher = '';
  #cell: Cell | undefined;
  #cells = 0;
  #end: End | undefined;

  constructor(child: ChildProcess, limits: Limits, folders: readonly string[]) {
    this.#child = child;
    this.#limits = limits;
    this.#folders = folders;
    child.once('close', () => this.#onClose());
    child.stdio.forEach((stream) => stream?.on('error', () => {})); // 'close' tells it all
    child.stdout?.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#onLauncherOutput(chunk));
    (child.stdio[4] as Readable).on('data', (chunk: Buffer) => this.#onFrames(chunk));
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /** Resolves when Python waits for its first cell. Throws KernelStartError. */
  async ready(): Promise<void> {
    const timer = setTimeout(
      () => void this.kill(`Python was not ready within ${START_SECONDS} s.`),
      START_SECONDS * 1_000,
    );
    try {
      await this.#started.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async run(code: string): Promise<CellOutcome> {
    if (this.#end !== undefined) return outcome(this.#end.status, this.#end.reason);
    const cell = this.#open(code);
    const timers = this.#watch();
    try {
      const status = await cell.ended.promise;
      return this.#outcome(cell, status);
    } finally {
      this.#cell = undefined;
      timers.forEach((timer) => clearInterval(timer));
    }
  }

  putFile(): Promise<void> {
    return Promise.reject(new KernelError('Files cannot be put yet.'));
  }

  listFiles(): Promise<FileEntry[]> {
    return Promise.resolve([]);
  }

  readFile(): AsyncIterable<Buffer> {
    throw new KernelError('Files cannot be read yet.');
  }

  snapshot(): Promise<{ blob: Buffer; unsaved: string[] }> {
    return Promise.reject(new KernelError('Variables cannot be saved yet.'));
  }

  restore(): Promise<{ failed: string[] }> {
    return Promise.reject(new KernelError('Variables cannot be restored yet.'));
  }

  async kill(reason: string): Promise<void> {
    this.#stop('died', reason);
    await this.#closed.promise;
  }

  #open(code: string): Cell {
    const id = randomBytes(16).toString('hex');
    const output = outputBuffer(id, this.#limits.maxLogBytes);
    const cell = {
      id,
      output,
      ended: Promise.withResolvers<CellStatus>(),
      marked: false,
      status: undefined,
    };
    this.#cell = cell;
    const soft = this.#limits.cellSoftSeconds;
    const frame = encodeFrame({ t: 'exec', id, number: (this.#cells += 1), soft }, code);
    (this.#child.stdio[3] as Writable).write(frame);
    return cell;
  }

  #watch(): NodeJS.Timeout[] {
    const { cellHardSeconds: seconds } = this.#limits;
    const hard = setTimeout(
      () => this.#stop('timeout', `Execution timed out after ${seconds} s and had to be killed.`),
      seconds * 1_000,
    );
    let measuring = false;
    const memory = setInterval(() => {
      if (measuring) return;
      measuring = true;
      void this.#checkMemory().finally(() => (measuring = false));
    }, WATCH_MEMORY_MS);
    return [hard, memory];
  }

  async #checkMemory(): Promise<void> {
    const limit = this.#limits.memoryBytes;
    const used = await memoryInUse(this.#child.pid ?? 0, this.#folders, limit);
    if (used <= limit) return;
    const megabytes = Math.round(limit / 1024 / 1024);
    this.#stop('died', `Execution needed more than ${megabytes} MB of memory and was killed.`);
  }

  /** Kills everything at once; the first reason is the one that counts. */
  #stop(status: CellStatus, reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = { status, reason };
    // With its first process the pid namespace ends, and the launcher reaps that one: killed itself, it would leave
    // a zombie to an init that many containers do not have.
    const first = firstChild(this.#child);
    if (first !== undefined) killIfAlive(first);
    const grace = first === undefined ? 0 : LAUNCHER_GRACE_MS;
    const launcher = setTimeout(() => this.#killLauncher(), grace);
    void this.#closed.promise.then(() => clearTimeout(launcher));
  }

  /** Its death signal takes the rest along. */
  #killLauncher(): void {
    const { pid, exitCode, signalCode } = this.#child;
    const running = exitCode === null && signalCode === null;
    if (pid !== undefined && running) killIfAlive(-pid);
  }

  #onClose(): void {
    this.#end ??= {
      status: 'died',
      reason: `The Python process ended (${exitText(this.#child)}).`,
    };
    const said = this.#launcher.trim();
    this.#started.reject(new KernelStartError(said === '' ? this.#end.reason : said));
    this.#cell?.ended.resolve(this.#end.status);
    this.#closed.resolve();
  }

  #onLauncherOutput(chunk: Buffer): void {
    if (this.#launcher.length < MAX_LAUNCHER_BYTES) this.#launcher += chunk.toString('utf8');
  }

  #onOutput(chunk: Buffer): void {
    const cell = this.#cell;
    if (cell === undefined) return; // a thread that outlived its cell
    cell.marked = cell.output.push(chunk);
    if (cell.marked && cell.status !== undefined) cell.ended.resolve(cell.status);
    if (cell.output.total <= MAX_OUTPUT_BYTES) return;
    this.#stop('died', 'Execution printed too much and was killed.');
  }

  #onFrames(chunk: Buffer): void {
    try {
      this.#decode(chunk).forEach((frame) => this.#onFrame(frame));
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.#stop('died', `The kernel answered out of turn (${what}) and was killed.`);
    }
  }

  #onFrame(frame: KernelFrame): void {
    if (frame.t === 'ready') return this.#started.resolve();
    const cell = this.#cell;
    if (cell === undefined || frame.id !== cell.id || cell.status !== undefined) {
      throw new Error('the end of a cell that is not running');
    }
    const { status } = frame;
    cell.status = status;
    if (cell.marked) cell.ended.resolve(status);
    else setTimeout(() => cell.ended.resolve(status), MARKER_GRACE_MS).unref();
  }

  #outcome(cell: Cell, status: CellStatus): CellOutcome {
    const logs = cell.output.text();
    const end = this.#end;
    if (end !== undefined) return outcome(end.status, addSentence(logs, end.reason));
    if (status !== 'timeout') return outcome(status, logs);
    const sentence = `Execution timed out after ${this.#limits.cellSoftSeconds} s; variables are kept.`;
    return outcome(status, addSentence(logs, sentence));
  }
}

function outcome(status: CellStatus, logs: string): CellOutcome {
  return { status, outputs: logs === '' ? [] : [{ type: 'logs', logs }] };
}

function addSentence(logs: string, sentence: string): string {
  return logs === '' || logs.endsWith('\n') ? logs + sentence : `${logs}\n${sentence}`;
}
