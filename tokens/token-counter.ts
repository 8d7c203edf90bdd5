/**
 * Counts tokens in a thread: a legal request can hold text whose tokens take seconds. The thread gets a slice at a time,
 * and the owners of waiting texts take turns, so that one owner's megabytes cost another the time of a slice.
 */
import { Worker as Thread } from 'node:worker_threads';

import { tooMuchText } from '../wire/errors/http-errors.ts';
import { countTokens, TOKEN_PART } from '../wire/tokens.ts';

/** UTF-16 units of a request that are counted at once: 4 ms at worst, where asking the thread takes 0.05 ms. */
const COUNTED_AT_ONCE = 1_000;
/** UTF-16 units: 30 ms of the thread at worst. Texts are cut only where `countTokens` cuts them, so the sums are equal. */
const SLICE = 4 * TOKEN_PART;

type Job = {
  texts: readonly string[];
  units: number;
  counts: number[];
  /** The next slice: of which text, from where. */
  text: number;
  start: number;
  resolve: (counts: number[]) => void;
  reject: (error: unknown) => void;
};

type Turn = { job: Job; slices: { text: number; slice: string }[] };

export class TokenCounter implements AsyncDisposable {
  /** The waiting jobs of each owner; the owner whose turn is next comes first. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #maxWaiting: number;
  #thread: Thread | undefined;
  #turn: Turn | undefined;

  /** `maxWaiting`: UTF-16 units of an owner that may wait together; one text may be longer. */
  constructor(maxWaiting = Infinity) {
    this.#maxWaiting = maxWaiting;
  }

  /** The tokens of each text. @throws ApiError 429 */
  async count(owner: string, texts: readonly string[]): Promise<number[]> {
    const units = texts.reduce((sum, text) => sum + text.length, 0);
    if (units <= COUNTED_AT_ONCE) return texts.map(countTokens);
    const waiting = this.#waiting.get(owner) ?? [];
    const ahead = waiting.reduce((sum, job) => sum + job.units, 0);
    if (ahead > 0 && ahead + units > this.#maxWaiting) throw tooMuchText();
    return new Promise((resolve, reject) => {
      const counts = texts.map(() => 0);
      const job: Job = { texts, units, counts, text: 0, start: 0, resolve, reject };
      this.#waiting.set(owner, [...waiting, job]);
      if (this.#turn === undefined) this.#next();
    });
  }

  /** The tokens of all texts together. */
  async sum(owner: string, texts: readonly string[]): Promise<number> {
    return (await this.count(owner, texts)).reduce((sum, tokens) => sum + tokens, 0);
  }

  /** The owner, and its job, go to the end of their rows. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#thread?.unref();
      return;
    }
    const [owner, [job, ...jobs]] = first;
    const slices = takeSlices(job!);
    if (!isTaken(job!)) jobs.push(job!);
    this.#waiting.delete(owner);
    if (jobs.length > 0) this.#waiting.set(owner, jobs);
    this.#turn = { job: job!, slices };
    this.#thread ??= this.#start();
    this.#thread.ref();
    this.#thread.postMessage(slices.map(({ slice }) => slice));
  }

  #start(): Thread {
    const thread = new Thread(new URL('counting-thread.ts', import.meta.url));
    thread.on('message', (tokens: number[]) => {
      const { job, slices } = this.#turn!;
      slices.forEach(({ text }, at) => (job.counts[text]! += tokens[at]!));
      this.#turn = undefined;
      if (isTaken(job)) job.resolve(job.counts);
      this.#next();
    });
    thread.on('error', (error) => this.#fail(error));
    return thread;
  }

  /** The next job starts another thread. */
  #fail(error: unknown): void {
    const jobs = [...this.#waiting.values()].flat();
    if (this.#turn !== undefined) jobs.push(this.#turn.job);
    this.#waiting.clear();
    this.#turn = undefined;
    this.#thread = undefined;
    for (const job of jobs) job.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.terminate();
    this.#fail(new Error('The process stops.'));
  }
}

/** No slice of the job is left to be counted. */
const isTaken = ({ text, texts }: Job): boolean => text === texts.length;

/** Short texts share a turn. */
function takeSlices(job: Job): Turn['slices'] {
  const slices: Turn['slices'] = [];
  for (let units = 0; units < SLICE && !isTaken(job);) {
    const { texts, text, start } = job;
    const slice = texts[text]!.slice(start, start + SLICE);
    slices.push({ text, slice });
    units += slice.length;
    job.start += SLICE;
    if (job.start < texts[text]!.length) continue;
    job.text += 1;
    job.start = 0;
  }
  return slices;
}
