/** A cell while it runs: the output so far, and whether it has ended. */
import { randomBytes } from 'node:crypto';
import type { CellOutcome, CellOutput, CellStatus, Limits } from '../backend.ts';
import type { FrameStatus } from './frames.ts';
import type { OutputBuffer } from './output.ts';
import { outputBuffer } from './output.ts';
import { pngPixels } from './png.ts';

// A cell that closed the driver's copy of its output never sends the marker.
const MARKER_GRACE_MS = 1_000;

/** A cell has ended when its `done` frame and its end in the output have both arrived, in either order. */
export class RunningCell {
  readonly id = randomBytes(16).toString('hex');
  readonly #limits: Limits;
  readonly #output: OutputBuffer;
  readonly #pngs: (Buffer | undefined)[] = [];
  readonly #ended = Promise.withResolvers<CellStatus>();
  #marked = false;
  #status: FrameStatus | undefined;
  /** What the kernel calls the files that it has after the cell. */
  files: unknown;

  constructor(limits: Limits, onLogs?: (logs: string) => void) {
    this.#limits = limits;
    this.#output = outputBuffer(this.id, limits.maxLogBytes, onLogs);
  }

  /** Resolves with how it ended. */
  get ended(): Promise<CellStatus> {
    return this.#ended.promise;
  }

  /** Bytes printed. */
  get printed(): number {
    return this.#output.total;
  }

  addOutput(chunk: Buffer): void {
    this.#marked = this.#output.push(chunk);
    this.#endIfComplete();
  }

  /** Throws when the kernel sends more images than it may. */
  addImage(png: Buffer): void {
    if (this.#pngs.length >= this.#limits.maxImages) throw new Error('too many images');
    const pixels = pngPixels(png);
    const usable = pixels !== undefined && pixels <= this.#limits.imagePixels;
    this.#pngs.push(usable ? png : undefined);
  }

  done(status: FrameStatus, { files }: Record<string, unknown>): void {
    if (this.#status !== undefined) throw new Error('a second end of a cell');
    this.#status = status;
    this.files = files;
    this.#endIfComplete();
    if (!this.#marked) setTimeout(() => this.#ended.resolve(status), MARKER_GRACE_MS).unref();
  }

  /** The kernel has ended. */
  abandon(status: CellStatus): void {
    this.#ended.resolve(status);
  }

  /** The outcome, with a sentence at its end. */
  outcome(status: CellStatus, sentence: string): CellOutcome {
    const pieces = this.#output.pieces();
    const outputs: CellOutput[] = [];
    for (let place = 0; place < Math.max(pieces.length, this.#pngs.length + 1); place += 1) {
      addLogs(outputs, pieces[place] ?? '');
      if (place >= this.#pngs.length) continue;
      const png = this.#pngs[place];
      if (png !== undefined) outputs.push({ type: 'image', png });
      else addLogs(outputs, 'Note: an image was omitted (not a PNG, or too large).\n');
    }
    addSentence(outputs, sentence);
    return { status, outputs };
  }

  #endIfComplete(): void {
    if (this.#marked && this.#status !== undefined) this.#ended.resolve(this.#status);
  }
}

/** Adds text to the last logs, or after an image as new logs. */
export function addLogs(outputs: CellOutput[], logs: string): void {
  if (logs === '') return;
  const last = outputs.at(-1);
  if (last?.type === 'logs') last.logs += logs;
  else outputs.push({ type: 'logs', logs });
}

/** The same on a line of its own. */
export function addSentence(outputs: CellOutput[], sentence: string): void {
  const last = outputs.at(-1);
  const open = last?.type === 'logs' && !last.logs.endsWith('\n');
  addLogs(outputs, open && sentence !== '' ? `\n${sentence}` : sentence);
}
