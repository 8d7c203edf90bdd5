/**
 * The conversation with one kernel over its channel: a cell or a question at a time. Every frame of the kernel is
 * checked, and the first one out of turn ends it.
 */
import type { CellOutcome, CellStatus, Limits } from '../backend.ts';
import { KernelError, KernelLostError, KernelStartError } from '../backend.ts';
import { ActionQueue } from './action-queue.ts';
import type { Channel, ChannelEnd } from './channel.ts';
import type { HostFrame, KernelFrame } from './frames.ts';
import { encodeFrame, frameDecoder } from './frames.ts';
import type { MemoryWatch } from './memory-watch.ts';
import { watchMemory } from './memory-watch.ts';
import type { Answer } from './question.ts';
import { Question } from './question.ts';
import { parseResult } from './results.ts';
import { RunningCell } from './running-cell.ts';

import { watchWork } from './work-watch.ts';

const START_SECONDS = 60;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** A cell that prints more than this is read at some 30 MB/s: most of it is cut, and others need this process too. */
const FLOOD_BYTES = 4 * 1024 * 1024;
const FLOOD_PAUSE_MS = 2;

/** Why the kernel ended; `kind` is what questions throw. */
type KernelEnd = { status: CellStatus; reason: string; kind?: typeof KernelError };

type WithoutId<T> = T extends { id: string } ? Omit<T, 'id'> : never;

/** Use `ready()` before anything else. */
export class Conversation {
  readonly #channel: Channel;
  readonly #limits: Limits;
  readonly #started = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #decode: (chunk: Buffer) => KernelFrame[];
  readonly #memory: MemoryWatch;
  readonly #actions: ActionQueue;
  #cell: RunningCell | undefined;
  #question: Question | undefined;
  #end: KernelEnd | undefined;

  constructor(channel: Channel, limits: Limits) {
    this.#channel = channel;
    this.#limits = limits;
    this.#decode = frameDecoder(limits.imageBytes);
    this.#actions = new ActionQueue(channel);
    this.#started.promise.catch(() => {}); // ready() may not be waiting any more
    this.#memory = watchMemory(channel, limits.memoryBytes, (reason) => this.#stop({ reason }));
    channel.listen({
      output: (chunk) => this.#onOutput(chunk),
      frames: (chunk) => this.#onFrames(chunk),
      closed: (end) => this.#onClosed(end),
    });
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /** Resolves when Python waits for its first cell. Throws KernelStartError, and the signal's reason with the kernel ended. */
  async ready(signal?: AbortSignal): Promise<void> {
    const reason = `Python was not ready within ${START_SECONDS} s.`;
    const stop = () => this.#stop({ reason, kind: KernelLostError });
    const timer = setTimeout(stop, START_SECONDS * 1_000);
    const onAbort = () => void this.kill('The start was cancelled.');
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    try {
      await this.#started.promise;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
    this.#channel.readOutput(false);
  }

  /** Runs one cell. Never rejects: a kernel that dies is an outcome. `files`: what the kernel calls the files that it has now. */
  run(
    code: string,
    onLogs?: (logs: string) => void,
  ): Promise<{ outcome: CellOutcome; files: unknown }> {
    return this.#actions.run(async () => {
      const cell = new RunningCell(this.#limits, onLogs);
      const outcome =
        this.#end === undefined
          ? await this.#runCell(cell, code)
          : cell.outcome(this.#end.status, this.#end.reason);
      return { outcome, files: cell.files };
    });
  }

  /**
   * Throws KernelError when the kernel says it failed, or ends: KernelTimeoutError and KernelLostError for its time.
   * `maxBytes`: of data that may come back.
   */
  ask(
    frame: WithoutId<HostFrame>,
    content: string | Uint8Array = '',
    maxBytes = 0,
  ): Promise<Answer> {
    return this.#actions.run(async () => {
      if (this.#end !== undefined) throw toError(this.#end);
      const question = new Question(maxBytes);
      this.#question = question;
      this.#memory.busy(true);
      const stopWatch = watchWork(this.#channel, this.#limits.stateSeconds, (reason, kind) =>
        this.#stop({ reason, kind }),
      );
      try {
        void this.#channel.write(encodeFrame({ ...frame, id: question.id } as HostFrame, content));
        return await question.answer;
      } finally {
        this.#question = undefined;
        this.#memory.busy(false);
        stopWatch();
      }
    });
  }

  /** Reads a part of an answer with `parse`. What `parse` throws ends the kernel, and is thrown as KernelError. */
  read<T>(parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      this.#outOfTurn(cause);
      throw new KernelError('The kernel sent an invalid response.', { cause });
    }
  }

  /** Resolves when every process has ended. */
  async kill(reason: string): Promise<void> {
    this.#stop({ reason });
    await this.#closed.promise;
  }

  async #runCell(cell: RunningCell, code: string): Promise<CellOutcome> {
    this.#cell = cell;
    const { cellSoftSeconds: soft, cellHardSeconds: hard } = this.#limits;
    const { maxImages: count, imageBytes: bytes, imagePixels: pixels } = this.#limits;
    const late = `Execution timed out after ${hard} s and had to be killed.`;
    const timer = setTimeout(() => this.#stop({ status: 'timeout', reason: late }), hard * 1_000);
    this.#memory.busy(true);
    try {
      this.#channel.readOutput(true);
      const header = { t: 'exec', id: cell.id, soft, images: { count, bytes, pixels } } as const;
      void this.#channel.write(encodeFrame(header, code));
      const status = await cell.ended;
      if (this.#end !== undefined) return cell.outcome(this.#end.status, this.#end.reason);
      const interrupted = `Execution timed out after ${soft} s; variables are kept.`;
      return cell.outcome(status, status === 'timeout' ? interrupted : '');
    } finally {
      this.#cell = undefined;
      clearTimeout(timer);
      this.#memory.busy(false);
      this.#channel.readOutput(false);
    }
  }

  /** Ends every process at once; the first reason is the one that counts. */
  #stop(end: Omit<KernelEnd, 'status'> & { status?: CellStatus }): void {
    if (this.#end !== undefined) return;
    this.#end = { status: 'died', ...end };
    this.#channel.end();
  }

  #outOfTurn(error: unknown): void {
    const what = error instanceof Error ? error.message : String(error);
    this.#stop({ reason: `The kernel answered out of turn (${what}) and was killed.` });
  }

  #onClosed({ reason, launcherLog, lost }: ChannelEnd): void {
    this.#end ??= { status: 'died', reason, ...(lost ? { kind: KernelLostError } : {}) };
    this.#actions.end();
    this.#memory.stop();
    const message = launcherLog === '' ? this.#end.reason : launcherLog;
    const temporary = this.#end.kind === KernelLostError;
    this.#started.reject(new KernelStartError(message, { temporary }));
    this.#cell?.abandon(this.#end.status);
    this.#question?.fail(toError(this.#end));
    this.#closed.resolve();
  }

  #onOutput(chunk: Buffer): void {
    const cell = this.#cell;
    if (cell === undefined) return;
    cell.addOutput(chunk);
    if (cell.printed > MAX_OUTPUT_BYTES) {
      this.#stop({ reason: 'Execution printed too much and was killed.' });
    } else if (cell.printed > FLOOD_BYTES) {
      this.#channel.hold(true);
      setTimeout(() => this.#channel.hold(false), FLOOD_PAUSE_MS);
    }
  }

  #onFrames(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      this.#decode(chunk).forEach((frame) => this.#onFrame(frame));
    } catch (error) {
      this.#outOfTurn(error);
    }
  }

  #onFrame(frame: KernelFrame): void {
    if (frame.t === 'ready') return this.#started.resolve();
    if (this.#cell?.id === frame.id && frame.t === 'image') return this.#cell.addImage(frame.body);
    if (this.#cell?.id === frame.id && frame.t === 'done') {
      return this.#cell.done(frame.status, parseResult(frame.body));
    }
    if (this.#question?.id !== frame.id || frame.t === 'image') {
      throw new Error('an answer to something that was not asked');
    }
    this.#question.receive(frame);
  }
}

function toError({ reason, kind: Kind = KernelError }: KernelEnd): KernelError {
  return new Kind(reason);
}
