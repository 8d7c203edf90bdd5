/**
 * One kernel per session, made by its first cell and kept until it is idle too long, makes room for another session,
 * dies, or is dropped: what it holds is stored after every cell, so the next one brings it back. Cells of one session
 * run one after another; cells of different sessions side by side.
 */
import type { CellOutcome, Kernel, Limits, SandboxBackend } from '../backend.ts';
import { KernelError, KernelTimeoutError } from '../backend.ts';
import type { CellRequest, CellResult } from '../sandbox.ts';
import type { Checkpoint, Live } from './session-state.ts';
import {
  advance,
  checkpoint,
  emptyLive,
  leaveOut,
  putInputs,
  restore,
  withNotes,
} from './session-state.ts';
import { addLogs, addSentence } from '../kernel/running-cell.ts';
import { Slots, unlessAborted } from './slots.ts';
import { Spare } from './spare.ts';

/** How many kernels may live, how long without a cell, and whether one is kept ready. */
export type SessionLimits = { maxKernels: number; idleSeconds: number; spare: boolean };

/** The session was dropped, or its sandbox closed, before the cell was stored: it can be run again elsewhere. */
export class SessionClosedError extends Error {
  override name = 'SessionClosedError';
}

type Session = {
  readonly id: string;
  /** Aborted when the session is dropped. */
  readonly dropped: AbortController;
  /** Resolves when every cell so far has ended. */
  tail: Promise<void>;
  /** Cells that run or wait. */
  pending: number;
  live: Live | undefined;
  idle: NodeJS.Timeout | undefined;
};

const CLOSED = 'The Python session was closed before this cell ended.';
/** Files that a thread of the cell changes while they are stored, and that the cell is stored without. */
const MOST_LEFT_OUT = 20;
const UNDONE = 'Variables and files are as they were before this cell.';

/** All sessions of this process. */
export class Sessions implements AsyncDisposable {
  readonly #backend: SandboxBackend;
  readonly #limits: Limits;
  readonly #idleMs: number;
  readonly #slots: Slots;
  readonly #spare: Spare | undefined;
  /** In order of use, the longest unused first. */
  readonly #sessions = new Map<string, Session>();
  #running = 0;

  constructor(backend: SandboxBackend, limits: Limits, options: SessionLimits) {
    this.#backend = backend;
    this.#limits = limits;
    this.#idleMs = options.idleSeconds * 1_000;
    this.#slots = new Slots(options.maxKernels, () => this.#makeRoom());
    // The only kernel there may be is better made when it is known for what.
    if (options.spare && options.maxKernels > 1) this.#spare = new Spare(backend, this.#slots);
    this.#spare?.refill();
  }

  /** Runs one cell; see Sandbox.runCell. Throws KernelStartError when no kernel comes up. */
  async run(request: CellRequest): Promise<CellResult> {
    const session = this.#enter(request.sessionId);
    const turn = Promise.withResolvers<void>();
    const before = session.tail;
    session.tail = before.then(() => turn.promise);
    const given = request.signal === undefined ? [] : [request.signal];
    const cancel = AbortSignal.any([session.dropped.signal, ...given]);
    try {
      await unlessAborted(before, cancel);
      this.#running += 1;
      return await this.#runNow(session, request, cancel).finally(() => (this.#running -= 1));
    } finally {
      turn.resolve();
      this.#leave(session);
    }
  }

  /** Forgets the session and ends its processes, also under a running cell. */
  async drop(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    clearTimeout(session.idle);
    session.dropped.abort(new SessionClosedError(CLOSED));
    await this.#endKernel(session);
    await session.tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((id) => this.drop(id)));
    await this.#spare?.giveUp();
  }

  #enter(id: string): Session {
    const session = this.#sessions.get(id) ?? newSession(id);
    clearTimeout(session.idle);
    session.pending += 1;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return session;
  }

  #leave(session: Session): void {
    session.pending -= 1;
    if (session.pending > 0 || session.dropped.signal.aborted) return;
    if (session.live === undefined) this.#sessions.delete(session.id);
    else session.idle = setTimeout(() => void this.#evict(session), this.#idleMs).unref();
    this.#slots.retry();
    // In the background means: not while a cell needs the processors.
    if (this.#running === 0) this.#spare?.refill();
  }

  async #runNow(session: Session, request: CellRequest, cancel: AbortSignal): Promise<CellResult> {
    const onAbort = () => void session.live?.kernel.kill('The cell was cancelled.');
    cancel.addEventListener('abort', onAbort, { once: true });
    try {
      const live = await this.#liveAt(session, request, cancel);
      return await this.#runIn(live, request, cancel);
    } catch (error) {
      // Nobody knows how far its variables and files are from what is stored.
      await this.#endKernel(session);
      cancel.throwIfAborted();
      if (error instanceof KernelTimeoutError) return await notRun(request, error);
      throw error;
    } finally {
      cancel.removeEventListener('abort', onAbort);
      if (session.live?.kernel.alive === false) await this.#endKernel(session);
    }
  }

  /** The session's kernel, at the version asked for. */
  async #liveAt(session: Session, request: CellRequest, cancel: AbortSignal): Promise<Live> {
    const { version: asked } = request;
    const version = typeof asked === 'function' ? await asked() : asked;
    const { live } = session;
    if (live !== undefined && live.kernel.alive && live.version === version) return live;
    await this.#endKernel(session);
    const fresh = await this.#newLive(session, cancel);
    if (version === null) return fresh;
    const state = await request.load();
    if (await restore(fresh, state, version)) return fresh;
    // Something else may have ended it. Variables that end a second kernel too are given up: the files come back.
    const second = await this.#replace(session, cancel);
    if (await restore(second, state, version)) return second;
    const third = await this.#replace(session, cancel);
    await restore(third, { ...state, namespace: undefined }, version);
    third.notice = second.notice;
    return third;
  }

  async #replace(session: Session, cancel: AbortSignal): Promise<Live> {
    cancel.throwIfAborted();
    await this.#endKernel(session);
    return this.#newLive(session, cancel);
  }

  async #newLive(session: Session, cancel: AbortSignal): Promise<Live> {
    const kernel = await this.#newKernel(cancel);
    session.live = emptyLive(kernel);
    // Dropped in the moment between: nobody else has seen this kernel.
    if (cancel.aborted) await this.#endKernel(session);
    cancel.throwIfAborted();
    return session.live;
  }

  async #newKernel(cancel: AbortSignal): Promise<Kernel> {
    const spare = this.#spare?.take();
    if (spare !== undefined) return spare;
    await this.#slots.take(cancel);
    return this.#backend.start(cancel).catch((error: unknown) => {
      this.#slots.give();
      throw error;
    });
  }

  async #runIn(live: Live, request: CellRequest, cancel: AbortSignal): Promise<CellResult> {
    const started = performance.now();
    await putInputs(live, request.inputs);
    const notice = live.notice;
    live.notice = '';
    const outcome = await live.kernel.run(request.code);
    cancel.throwIfAborted();
    const saved = live.kernel.alive ? await this.#checkpoint(live) : undefined;
    cancel.throwIfAborted();
    const result = (told: CellOutcome): CellResult => ({
      ...told,
      durationMs: Math.round(performance.now() - started),
    });
    if (saved === undefined || saved instanceof KernelError) {
      const undone = result(undoneBy(withNotes(outcome, notice, []), saved));
      await request.save(undone, null);
      return undone;
    }
    const save = async (): Promise<CellResult> => {
      const done = result(withNotes(outcome, notice, saved.files.notSaved));
      await request.save(done, saved.change);
      advance(live, request.nextVersion, saved);
      return done;
    };
    for (let left = MOST_LEFT_OUT; ; left -= 1) {
      try {
        return await save();
      } catch (error) {
        cancel.throwIfAborted();
        if (saved.unreadable === undefined) throw error;
        const { cause } = saved.unreadable;
        if (left > 0 && leaveOut(live, saved)) continue;
        const changed = new KernelError('Files changed while they were being saved.');
        const failure = live.kernel.alive ? changed : cause;
        await live.kernel.kill('Its files could not be read.');
        const undone = result(undoneBy(withNotes(outcome, notice, []), failure));
        await request.save(undone, null);
        return undone;
      }
    }
  }

  async #checkpoint(live: Live): Promise<Checkpoint | KernelError> {
    try {
      return await checkpoint(live, this.#limits);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      await live.kernel.kill('Its state could not be read.');
      return error;
    }
  }

  /** Safe to call twice: the first call owns the kernel. */
  async #endKernel(session: Session): Promise<void> {
    const { live } = session;
    if (live === undefined) return;
    session.live = undefined;
    await live.kernel.kill(CLOSED);
    this.#slots.give();
  }

  /** Ends the spare kernel, or that of the session that has been without a cell for longest. */
  async #makeRoom(): Promise<boolean> {
    if (await this.#spare?.giveUp()) return true;
    const resting = [...this.#sessions.values()].find(
      ({ pending, live }) => pending === 0 && live !== undefined,
    );
    if (resting === undefined) return false;
    await this.#evict(resting);
    return true;
  }

  async #evict(session: Session): Promise<void> {
    clearTimeout(session.idle);
    this.#sessions.delete(session.id);
    await this.#endKernel(session);
  }
}

function newSession(id: string): Session {
  return {
    id,
    dropped: new AbortController(),
    tail: Promise.resolve(),
    pending: 0,
    live: undefined,
    idle: undefined,
  };
}

/** Its variables did not come back in time: what is stored stays for the next cell. */
async function notRun(request: CellRequest, cause: KernelTimeoutError): Promise<CellResult> {
  const result = { ...undoneBy({ outputs: [], status: 'died' }, cause), durationMs: 0 };
  await request.save(result, null);
  return result;
}

/** The outcome of a cell whose kernel is gone, or had to be ended for `failure`. */
function undoneBy(outcome: CellOutcome, failure: KernelError | undefined): CellOutcome {
  if (failure !== undefined) addSentence(outcome.outputs, failure.message);
  const last = outcome.outputs.at(-1);
  const gap = last?.type === 'logs' && !last.logs.endsWith('\n') ? ' ' : '';
  addLogs(outcome.outputs, `${gap}${UNDONE}`);
  return {
    outputs: outcome.outputs,
    status: outcome.status === 'ok' || failure !== undefined ? 'died' : outcome.status,
  };
}
