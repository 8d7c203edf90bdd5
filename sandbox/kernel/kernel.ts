/**
 * One kernel, seen through a channel that carries its output and its frames, whatever isolates it.
 * It is asked for one thing at a time; everything it answers is checked, and the first thing out of turn ends it.
 */
import { randomBytes } from 'node:crypto';
import type { CellOutcome, CellStatus, FileEntry, Kernel, Limits, Snapshot } from '../backend.ts';
import { KernelError, KernelLostError, KernelStartError, KernelTimeoutError } from '../backend.ts';
import type { HostFrame, KernelFrame } from './frames.ts';
import { encodeFrame, frameDecoder, PART_BYTES } from './frames.ts';
import { asListing, asNames, asSnapshotKind, parseResult } from './results.ts';
import { RunningCell } from './running-cell.ts';

/** What carries a kernel's bytes. */
export interface Channel {
  /** Takes who wants to hear; called once, at first. */
  listen(listener: ChannelListener): void;
  /** Resolves when the kernel has taken it in, or is over. */
  write(data: Uint8Array): Promise<void>;
  /** While false, output stays where it is, and a thread that goes on printing waits. */
  readOutput(on: boolean): void;
  /** Reads nothing for so long. */
  rest(ms: number): void;
  /** Lets everybody else go first from now on: called before any code runs. */
  yieldToOthers(): void;
  /** Stops every process where it is, if it can, so that no thread goes on between cells; until `resume`. */
  pause?(): void;
  resume?(): void;
  /** Processor time that Python has used; undefined where it cannot be told. */
  processorSeconds(): number | undefined;
  /** Bytes in use, or 0 where something else limits them. */
  memory(limit: number): Promise<number>;
  /** Ends every process at once; `closed` is heard when they are gone. */
  end(): void;
}

export type ChannelListener = {
  output: (chunk: Buffer) => void;
  frames: (chunk: Buffer) => void;
  /** `how` it ended, as a sentence; `said`: what the launcher printed, if anything. */
  closed: (how: string, said: string) => void;
};

const START_SECONDS = 60;
/**
 * A step that may use a second of processor time may be without any for this many seconds. What works a little now and
 * then goes on until the cell's signal aborts.
 */
export const PATIENCE = 5;
const WATCH_BUSY_MS = 100;
const WATCH_IDLE_MS = 1_000;
// Longer than there is between the steps of saving a session.
const PAUSE_AFTER_MS = 100;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** A cell that prints more than this is read at some 30 MB/s: most of it is cut, and others need this process too. */
const FLOOD_BYTES = 4 * 1024 * 1024;
const FLOOD_PAUSE_MS = 2;
// JSON of a file with the longest path.
const MAX_ENTRY_BYTES = 8 * 1024;

/** Why it is over. */
type End = { status: CellStatus; reason: string; kind?: typeof KernelError };

/** A question that is being answered. */
type Question = {
  readonly id: string;
  readonly cap: number;
  readonly parts: Buffer[];
  received: number;
  readonly answered: PromiseWithResolvers<Record<string, unknown>>;
};

type Withheld<T> = T extends { id: string } ? Omit<T, 'id'> : never;

/** The kernel behind `channel`. Use `ready()` before anything else. */
export class FramedKernel implements Kernel {
  readonly #channel: Channel;
  readonly #limits: Limits;
  readonly #closed = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  readonly #decode: (chunk: Buffer) => KernelFrame[];
  readonly #idleWatch: NodeJS.Timeout;
  #cell: RunningCell | undefined;
  #question: Question | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** What is asked for and not yet answered. */
  #pending = 0;
  #pauseTimer: NodeJS.Timeout | undefined;
  #end: End | undefined;
  /** The last listing, and what the kernel called it. */
  #listing: { print: string; entries: FileEntry[] } | undefined;
  #measuring = false;

  constructor(channel: Channel, limits: Limits) {
    this.#channel = channel;
    this.#limits = limits;
    this.#decode = frameDecoder(limits.imageBytes);
    this.#started.promise.catch(() => {}); // ready() may not be waiting any more
    this.#idleWatch = setInterval(() => this.#checkMemory(), WATCH_IDLE_MS).unref();
    channel.listen({
      output: (chunk) => this.#onOutput(chunk),
      frames: (chunk) => this.#onFrames(chunk),
      closed: (how, said) => this.#onClosed(how, said),
    });
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /** Resolves when Python waits for its first cell. Throws KernelStartError, and the signal's reason with the kernel ended. */
  async ready(signal: AbortSignal | undefined, seconds = START_SECONDS): Promise<void> {
    const reason = `Python was not ready within ${seconds} s.`;
    const timer = setTimeout(
      () => this.#stop({ status: 'died', reason, kind: KernelLostError }),
      seconds * 1_000,
    );
    const onAbort = () => void this.kill('The start was cancelled.');
    signal?.addEventListener('abort', onAbort);
    try {
      await this.#started.promise;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
    this.#channel.yieldToOthers();
    this.#channel.readOutput(false);
  }

  run(code: string): Promise<CellOutcome> {
    return this.#inTurn(() => this.#run(code));
  }

  async putFile(
    paths: readonly string[],
    data: AsyncIterable<Uint8Array>,
    bytes: number,
  ): Promise<void> {
    const [path, ...more] = paths;
    if (path === undefined) return;
    let offset = 0;
    const put = async (part: Uint8Array) => {
      const last = offset + part.length >= bytes;
      await this.#ask({ t: 'put', path, offset, more: last ? more : [] }, part);
      offset += part.length;
    };
    for await (const chunk of data) {
      for (let at = 0; at < chunk.length; at += PART_BYTES) {
        await put(chunk.subarray(at, at + PART_BYTES));
      }
    }
    if (offset === 0) await put(new Uint8Array());
    this.#listing = undefined;
  }

  async listFiles(): Promise<FileEntry[]> {
    if (this.#listing !== undefined) return this.#listing.entries;
    const { result, body } = await this.#ask(
      { t: 'list', most: this.#limits.maxFiles + 1 },
      '',
      MAX_ENTRY_BYTES * (this.#limits.maxFiles + 1),
    );
    const entries = this.#read(() => asListing(body));
    this.#listing = { print: String(result['files']), entries };
    return entries;
  }

  async *readFile(path: string, maxBytes: number): AsyncGenerator<Buffer> {
    for (let offset = 0; ;) {
      const frame = { t: 'read', path, offset, length: PART_BYTES } as const;
      const { body } = await this.#ask(frame, '', PART_BYTES);
      if (body.length === 0) return;
      offset += body.length;
      if (offset > maxBytes) throw new KernelError(`'${path}' has more than ${maxBytes} bytes.`);
      yield body;
    }
  }

  async snapshot(maxBytes: number): Promise<Snapshot> {
    // The pickle's header comes on top.
    const { result, body } = await this.#ask(
      { t: 'snapshot', cap: maxBytes },
      '',
      maxBytes + PART_BYTES,
    );
    const unsaved = this.#read(() => asNames(result['unsaved']));
    const kind = this.#read(() => asSnapshotKind(result['kind']));
    if (kind === 'same') return { blob: 'unchanged', unsaved };
    return { blob: kind === 'none' ? undefined : body, unsaved };
  }

  async restore(blob: Buffer): Promise<{ failed: string[] }> {
    const { result } = await this.#ask({ t: 'restore' }, blob);
    return { failed: this.#read(() => asNames(result['failed'])) };
  }

  async warm(modules: readonly string[]): Promise<void> {
    await this.#ask({ t: 'warm', modules });
  }

  async kill(reason: string): Promise<void> {
    this.#stop({ status: 'died', reason });
    await this.#closed.promise;
  }

  /** One after another: the kernel does one thing at a time. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    if (this.#pending === 1) this.#wake();
    const result = this.#turn.then(action).finally(() => {
      this.#pending -= 1;
      if (this.#pending === 0) this.#pauseSoon();
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  #wake(): void {
    clearTimeout(this.#pauseTimer);
    if (this.#end === undefined) this.#channel.resume?.();
  }

  #pauseSoon(): void {
    const pause = () => this.#end === undefined && this.#channel.pause?.();
    this.#pauseTimer = setTimeout(pause, PAUSE_AFTER_MS).unref();
  }

  async #run(code: string): Promise<CellOutcome> {
    const cell = new RunningCell(this.#limits);
    if (this.#end !== undefined) return cell.outcome(this.#end.status, this.#end.reason);
    this.#cell = cell;
    const { cellSoftSeconds: soft, cellHardSeconds: hard } = this.#limits;
    const { maxImages: count, imageBytes: bytes, imagePixels: pixels } = this.#limits;
    const watch = this.#watch(hard, {
      status: 'timeout',
      reason: `Execution timed out after ${hard} s and had to be killed.`,
    });
    try {
      this.#channel.readOutput(true);
      void this.#channel.write(
        encodeFrame({ t: 'exec', id: cell.id, soft, images: { count, bytes, pixels } }, code),
      );
      const status = await cell.ended;
      const end = this.#over();
      if (end !== undefined) return cell.outcome(end.status, end.reason);
      const late = `Execution timed out after ${soft} s; variables are kept.`;
      return cell.outcome(status, status === 'timeout' ? late : '');
    } finally {
      this.#cell = undefined;
      watch.forEach((timer) => clearInterval(timer));
      this.#channel.readOutput(false);
    }
  }

  /** A method, because it changes while others wait. */
  #over(): End | undefined {
    return this.#end;
  }

  /** What the kernel says, read by `parse`; a kernel that says something else is ended. */
  #read<T>(parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      this.#outOfTurn(cause);
      throw new KernelError('The kernel gave an answer that is none.', { cause });
    }
  }

  #outOfTurn(error: unknown): void {
    const what = error instanceof Error ? error.message : String(error);
    const reason = `The kernel answered out of turn (${what}) and was killed.`;
    this.#stop({ status: 'died', reason });
  }

  /**
   * Throws KernelError when the kernel says it failed, or ends: KernelTimeoutError and KernelLostError for its time.
   * `cap`: bytes of data that may come back.
   */
  #ask(
    frame: Withheld<HostFrame>,
    content: string | Uint8Array = '',
    cap = 0,
  ): Promise<{ result: Record<string, unknown>; body: Buffer }> {
    return this.#inTurn(async () => {
      if (this.#end !== undefined) throw toError(this.#end);
      const id = randomBytes(16).toString('hex');
      const answered = Promise.withResolvers<Record<string, unknown>>();
      const question: Question = { id, cap, parts: [], received: 0, answered };
      this.#question = question;
      const watch = this.#watchWork();
      try {
        void this.#channel.write(encodeFrame({ ...frame, id } as HostFrame, content));
        const result = await answered.promise;
        return { result, body: Buffer.concat(question.parts) };
      } finally {
        this.#question = undefined;
        watch.forEach((timer) => clearInterval(timer));
      }
    });
  }

  #watch(seconds: number, end: End): NodeJS.Timeout[] {
    return [
      setTimeout(() => this.#stop(end), seconds * 1_000),
      setInterval(() => this.#checkMemory(), WATCH_BUSY_MS),
    ];
  }

  /** A busy computer does not change how much processor time an answer takes, only when it is here. */
  #watchWork(): NodeJS.Timeout[] {
    const most = this.#limits.stateSeconds;
    const spent = () => this.#channel.processorSeconds() ?? 0;
    const before = spent();
    let last = { spent: before, at: performance.now() };
    const check = () => {
      this.#checkMemory();
      const now = { spent: spent(), at: performance.now() };
      if (now.spent > last.spent) last = now;
      if (now.spent - before > most) {
        this.#stopLate(KernelTimeoutError, `Python needed more than ${most} s of processor time`);
      } else if (now.at - last.at > most * PATIENCE * 1_000) {
        this.#stopLate(KernelLostError, `Python did nothing for ${most * PATIENCE} s`);
      }
    };
    return [setInterval(check, WATCH_BUSY_MS)];
  }

  #stopLate(kind: typeof KernelError, what: string): void {
    this.#stop({ status: 'died', reason: `${what} and was killed.`, kind });
  }

  #checkMemory(): void {
    if (this.#measuring) return;
    this.#measuring = true;
    const limit = this.#limits.memoryBytes;
    void this.#channel
      .memory(limit)
      .then((used) => {
        if (used <= limit) return;
        this.#stop({ status: 'died', reason: memorySentence(limit) });
      })
      .finally(() => (this.#measuring = false));
  }

  /** Ends everything at once; the first reason is the one that counts. */
  #stop(end: End): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#channel.end();
  }

  #onClosed(how: string, said: string): void {
    this.#end ??= { status: 'died', reason: how };
    clearInterval(this.#idleWatch);
    clearTimeout(this.#pauseTimer);
    const { reason, kind } = this.#end;
    this.#started.reject(
      new KernelStartError(said === '' ? reason : said, { temporary: kind === KernelLostError }),
    );
    this.#cell?.abandon(this.#end.status);
    this.#question?.answered.reject(toError(this.#end));
    this.#closed.resolve();
  }

  #onOutput(chunk: Buffer): void {
    const cell = this.#cell;
    if (cell === undefined) return;
    cell.addOutput(chunk);
    if (cell.printed > MAX_OUTPUT_BYTES) {
      this.#stop({ status: 'died', reason: 'Execution printed too much and was killed.' });
    } else if (cell.printed > FLOOD_BYTES) this.#channel.rest(FLOOD_PAUSE_MS);
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
    const cell = this.#cell;
    if (cell?.id === frame.id && frame.t === 'image') return cell.addImage(frame.body);
    if (cell?.id === frame.id && frame.t === 'done') {
      const { files } = parseResult(frame.body);
      if (files !== this.#listing?.print) this.#listing = undefined;
      return cell.done(frame.status);
    }
    const question = this.#question;
    if (question?.id !== frame.id || frame.t === 'image') {
      throw new Error('an answer to something that was not asked');
    }
    answer(question, frame);
  }
}

function toError({ reason, kind: Kind = KernelError }: End): KernelError {
  return new Kind(reason);
}

/** Told when a kernel was ended for the memory it needed. */
export function memorySentence(limit: number): string {
  const megabytes = Math.round(limit / 1024 / 1024);
  return `Execution needed more than ${megabytes} MB of memory and was killed.`;
}

function answer(question: Question, frame: KernelFrame & { t: 'data' | 'done' }): void {
  if (frame.t === 'data') {
    question.received += frame.body.length;
    if (question.received > question.cap) throw new Error('more than was asked for');
    question.parts.push(frame.body);
    return;
  }
  const result = parseResult(frame.body);
  if (frame.status === 'ok') question.answered.resolve(result);
  else question.answered.reject(new KernelError(String(result['error'])));
}
