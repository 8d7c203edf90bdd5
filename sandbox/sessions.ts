/**
 * One kernel per session, made by its first cell and kept until it is idle too long, makes room for another session,
 * dies, or is dropped. Cells of one session run one after another; cells of different sessions side by side.
 */
import type { CellOutcome, CellOutput, Kernel, SandboxBackend } from './backend.ts';
import type { CellRequest, CellResult, StateChange } from './index.ts';
import { Slots, unlessAborted } from './slots.ts';

/** How many kernels may live, and how long without a cell. */
export type SessionLimits = { maxKernels: number; idleSeconds: number };

type Session = {
  readonly id: string;
  /** Aborted when the session is dropped. */
  readonly dropped: AbortController;
  /** Resolves when every cell so far has ended. */
  tail: Promise<void>;
  /** Cells that run or wait. */
  pending: number;
  kernel: Kernel | undefined;
  /** Of the state the kernel is at. */
  version: string | null;
  idle: NodeJS.Timeout | undefined;
};

class DroppedError extends Error {
  override name = 'DroppedError';
}

// Sessions whose kernel is gone and whose next cell must be told; enough for any one process, and bounded.
const MAX_LOST = 10_000;
const RESTARTED =
  'The Python session was restarted: variables, imports and files of earlier cells are gone.\n';
const NOTHING: StateChange = { changed: [], removed: [], namespace: undefined, unsaved: [] };
const DROPPED = 'The Python session was closed before this cell ended.';

/** All sessions of this process. */
export class Sessions implements AsyncDisposable {
  readonly #backend: SandboxBackend;
  readonly #idleMs: number;
  readonly #slots: Slots;
  /** In order of use, the longest unused first. */
  readonly #sessions = new Map<string, Session>();
  readonly #lost = new Set<string>();

  constructor(backend: SandboxBackend, limits: SessionLimits) {
    this.#backend = backend;
    this.#idleMs = limits.idleSeconds * 1_000;
    this.#slots = new Slots(limits.maxKernels, () => this.#evictOne());
  }

  /** Runs one cell. Throws the signal's reason when it aborts, and KernelStartError when no kernel comes up. */
  async run(request: CellRequest): Promise<CellResult> {
    const session = this.#enter(request.sessionId);
    const { signal } = request;
    const turn = Promise.withResolvers<void>();
    const before = session.tail;
    session.tail = before.then(() => turn.promise);
    try {
      await unlessAborted(before, signal);
      return await this.#runNow(session, request);
    } finally {
      turn.resolve();
      this.#leave(session);
    }
  }

  /** Forgets the session and ends its processes, also under a running cell. */
  async drop(id: string): Promise<void> {
    this.#lost.delete(id);
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    clearTimeout(session.idle);
    session.dropped.abort(new DroppedError(DROPPED));
    await this.#endKernel(session);
    await session.tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((id) => this.drop(id)));
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
    if (session.kernel === undefined) this.#sessions.delete(session.id);
    else session.idle = setTimeout(() => void this.#evict(session), this.#idleMs).unref();
    this.#slots.retry();
  }

  async #runNow(session: Session, request: CellRequest): Promise<CellResult> {
    const started = performance.now();
    try {
      const outcome = await this.#outcomeOf(session, request);
      const result = { ...outcome, durationMs: Math.round(performance.now() - started) };
      await request.save(result, outcome.status === 'died' ? null : NOTHING);
      session.version = request.nextVersion;
      return result;
    } finally {
      if (session.kernel?.alive === false) await this.#endKernel(session);
    }
  }

  async #outcomeOf(session: Session, { code, signal, version }: CellRequest): Promise<CellOutcome> {
    try {
      const current = typeof version === 'function' ? await version() : version;
      if (session.version !== current) await this.#endKernel(session);
      const kernel = await this.#kernelOf(session, signal);
      const outcome = await runUnlessAborted(kernel, code, signal);
      if (!this.#lost.delete(session.id)) return outcome;
      return { ...outcome, outputs: withNotice(RESTARTED, outcome.outputs) };
    } catch (error) {
      if (!(error instanceof DroppedError)) throw error;
      return { status: 'died', outputs: [{ type: 'logs', logs: error.message }] };
    }
  }

  async #kernelOf(session: Session, signal?: AbortSignal): Promise<Kernel> {
    if (session.kernel?.alive === true) return session.kernel;
    await this.#endKernel(session);
    const cancel = AbortSignal.any([session.dropped.signal, ...(signal ? [signal] : [])]);
    await this.#slots.take(cancel);
    const kernel = await this.#backend.start(cancel).catch((error: unknown) => {
      this.#slots.give();
      throw error;
    });
    session.kernel = kernel;
    // Dropped in the moment between: nobody else has seen this kernel.
    if (cancel.aborted) await this.#endKernel(session);
    cancel.throwIfAborted();
    return kernel;
  }

  /** Safe to call twice: the first call owns the kernel. */
  async #endKernel(session: Session): Promise<void> {
    const { kernel } = session;
    if (kernel === undefined) return;
    session.kernel = undefined;
    if (!session.dropped.signal.aborted) this.#remember(session.id);
    await kernel.kill(DROPPED);
    this.#slots.give();
  }

  #remember(id: string): void {
    this.#lost.add(id);
    const [oldest] = this.#lost;
    if (this.#lost.size > MAX_LOST && oldest !== undefined) this.#lost.delete(oldest);
  }

  /** Ends the kernel of the session that has been without a cell for longest. */
  async #evictOne(): Promise<boolean> {
    const resting = [...this.#sessions.values()].find(
      ({ pending, kernel }) => pending === 0 && kernel !== undefined,
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
    kernel: undefined,
    version: null,
    idle: undefined,
  };
}

function withNotice(notice: string, outputs: CellOutput[]): CellOutput[] {
  const [first, ...rest] = outputs;
  if (first?.type !== 'logs') return [{ type: 'logs', logs: notice }, ...outputs];
  return [{ type: 'logs', logs: notice + first.logs }, ...rest];
}

async function runUnlessAborted(
  kernel: Kernel,
  code: string,
  signal?: AbortSignal,
): Promise<CellOutcome> {
  const onAbort = () => void kernel.kill('The cell was cancelled.');
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const outcome = await kernel.run(code);
    if (signal?.aborted === true) await kernel.kill('The cell was cancelled.');
    signal?.throwIfAborted();
    return outcome;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
