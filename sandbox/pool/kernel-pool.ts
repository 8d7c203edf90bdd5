/**
 * The kernels of this process, one for each interpreter: started by its first cell, and kept until it is idle for too long,
 * makes room for another interpreter, dies, or is dropped. Its state is stored after every cell, so the next kernel restores it.
 * Cells of one interpreter run one after another; cells of different interpreters side by side, in shares of their owners.
 */
import type { Kernel, Limits, SandboxBackend } from '../backend.ts';
import { KernelTimeoutError } from '../backend.ts';
import type { CellRequest, CellResult } from '../sandbox.ts';
import type { BoundKernel } from './bound-kernel.ts';
import { bindKernel, restore } from './bound-kernel.ts';
import { resultOfNotRun, runAndSave } from './run-and-save.ts';
import { Shares, unlessAborted } from './shares.ts';
import { WarmKernel } from './warm-kernel.ts';

/** How many kernels there may be, how long one may be without a cell, and whether one is kept warm. */
export type PoolLimits = { maxKernels: number; idleSeconds: number; spare: boolean };

/** The interpreter was dropped, or its sandbox closed, before the cell was stored: another worker can run it. */
export class InterpreterClosedError extends Error {
  override name = 'InterpreterClosedError';
}

type Interpreter = {
  readonly id: string;
  readonly owner: string;
  /** Aborted when the interpreter is dropped. */
  readonly dropped: AbortController;
  /** Resolves when every cell so far has ended. */
  lastCell: Promise<void>;
  /** Cells that run or wait. */
  pending: number;
  bound: BoundKernel | undefined;
  idleTimer: NodeJS.Timeout | undefined;
};

const CLOSED = 'The Python session was closed before this cell ended.';

export class KernelPool implements AsyncDisposable {
  readonly #backend: SandboxBackend;
  readonly #limits: Limits;
  readonly #idleMs: number;
  readonly #permits: Shares;
  readonly #warm: WarmKernel | undefined;
  /** In order of use, the longest unused first. */
  readonly #interpreters = new Map<string, Interpreter>();
  #running = 0;

  constructor(backend: SandboxBackend, limits: Limits, options: PoolLimits) {
    this.#backend = backend;
    this.#limits = limits;
    this.#idleMs = options.idleSeconds * 1_000;
    const { maxKernels: most } = options;
    const makeRoom = (own: string | undefined) => this.#makeRoom(own);
    this.#permits = new Shares({ places: most + 1, most, makeRoom });
    // A single kernel is better started for an interpreter.
    if (options.spare && options.maxKernels > 1) {
      this.#warm = new WarmKernel(backend, this.#permits);
    }
    this.#warm?.refill();
  }

  get count(): number {
    return [...this.#interpreters.values()].filter(({ bound }) => bound !== undefined).length;
  }

  /** Runs one cell; see Sandbox.runCell. Throws KernelStartError when no kernel starts. */
  async run(request: CellRequest): Promise<CellResult> {
    const interpreter = this.#enter(request);
    const turn = Promise.withResolvers<void>();
    const before = interpreter.lastCell;
    interpreter.lastCell = before.then(() => turn.promise);
    const signals = request.signal === undefined ? [] : [request.signal];
    const cancel = AbortSignal.any([interpreter.dropped.signal, ...signals]);
    try {
      await unlessAborted(before, cancel);
      this.#running += 1;
      return await this.#runNow(interpreter, request, cancel).finally(() => (this.#running -= 1));
    } finally {
      turn.resolve();
      this.#leave(interpreter);
    }
  }

  /** Forgets the interpreter and ends its kernel, also while a cell runs. */
  async drop(id: string): Promise<void> {
    const interpreter = this.#interpreters.get(id);
    if (interpreter === undefined) return;
    this.#interpreters.delete(id);
    clearTimeout(interpreter.idleTimer);
    interpreter.dropped.abort(new InterpreterClosedError(CLOSED));
    await this.#endKernel(interpreter);
    await interpreter.lastCell;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#interpreters.keys()].map((id) => this.drop(id)));
    await this.#warm?.giveUp();
  }

  #enter({ interpreterId: id, owner }: CellRequest): Interpreter {
    const interpreter = this.#interpreters.get(id) ?? newInterpreter(id, owner);
    clearTimeout(interpreter.idleTimer);
    interpreter.pending += 1;
    this.#interpreters.delete(id);
    this.#interpreters.set(id, interpreter);
    return interpreter;
  }

  #leave(interpreter: Interpreter): void {
    interpreter.pending -= 1;
    if (interpreter.pending > 0 || interpreter.dropped.signal.aborted) return;
    if (interpreter.bound === undefined) this.#interpreters.delete(interpreter.id);
    else {
      const evict = () => void this.#evict(interpreter);
      interpreter.idleTimer = setTimeout(evict, this.#idleMs).unref();
    }
    this.#permits.retry();
    // Not while a cell needs the processors.
    if (this.#running === 0) this.#warm?.refill();
  }

  async #runNow(
    interpreter: Interpreter,
    request: CellRequest,
    cancel: AbortSignal,
  ): Promise<CellResult> {
    const onAbort = () => void interpreter.bound?.kernel.kill('The cell was cancelled.');
    cancel.addEventListener('abort', onAbort, { once: true });
    try {
      const bound = await this.#kernelAtVersion(interpreter, request, cancel);
      return await runAndSave(bound, request, this.#limits, cancel);
    } catch (error) {
      // Its variables and files may differ from what is stored.
      await this.#endKernel(interpreter);
      cancel.throwIfAborted();
      if (error instanceof KernelTimeoutError) return await resultOfNotRun(request, error);
      throw error;
    } finally {
      cancel.removeEventListener('abort', onAbort);
      if (interpreter.bound?.kernel.alive === false) await this.#endKernel(interpreter);
    }
  }

  /** The interpreter's kernel, at the version that the request names. */
  async #kernelAtVersion(
    interpreter: Interpreter,
    request: CellRequest,
    cancel: AbortSignal,
  ): Promise<BoundKernel> {
    const version =
      typeof request.version === 'function' ? await request.version() : request.version;
    const { bound } = interpreter;
    if (bound !== undefined && bound.kernel.alive && bound.version === version) return bound;
    const first = await this.#replaceKernel(interpreter, request, cancel);
    if (version === null) return first;
    const state = await request.load();
    if (await restore(first, state, version)) return first;
    // Something else may have ended it. Variables that end a second kernel too are given up: the files come back.
    const second = await this.#replaceKernel(interpreter, request, cancel);
    if (await restore(second, state, version)) return second;
    const third = await this.#replaceKernel(interpreter, request, cancel);
    await restore(third, { ...state, namespace: undefined }, version);
    third.notice = second.notice;
    return third;
  }

  async #replaceKernel(
    interpreter: Interpreter,
    request: CellRequest,
    cancel: AbortSignal,
  ): Promise<BoundKernel> {
    cancel.throwIfAborted();
    await this.#endKernel(interpreter);
    interpreter.bound = bindKernel(await this.#newKernel(request, cancel));
    // Dropped meanwhile: nothing else refers to this kernel.
    if (cancel.aborted) await this.#endKernel(interpreter);
    cancel.throwIfAborted();
    return interpreter.bound;
  }

  async #newKernel({ owner, most }: CellRequest, cancel: AbortSignal): Promise<Kernel> {
    const warm = this.#warm?.take(owner, most);
    if (warm !== undefined) return warm;
    await this.#permits.acquire(owner, cancel, most);
    return this.#backend.start(cancel, owner).catch((error: unknown) => {
      this.#permits.release(owner);
      throw error;
    });
  }

  /** Safe to call twice: the first call owns the kernel. */
  async #endKernel(interpreter: Interpreter): Promise<void> {
    const { bound } = interpreter;
    if (bound === undefined) return;
    interpreter.bound = undefined;
    await bound.kernel.kill(CLOSED);
    this.#permits.release(interpreter.owner);
  }

  /** Ends the warm kernel, or the longest unused of `own`, or else of the owner who has the most. */
  async #makeRoom(own: string | undefined): Promise<boolean> {
    if (own === undefined && (await this.#warm?.giveUp()) === true) return true;
    const [idlest] = [...this.#interpreters.values()]
      .filter(({ pending, bound, owner }) => {
        return pending === 0 && bound !== undefined && owner === (own ?? owner);
      })
      .toSorted((a, b) => this.#permits.held(b.owner) - this.#permits.held(a.owner));
    if (idlest === undefined) return false;
    await this.#evict(idlest);
    return true;
  }

  async #evict(interpreter: Interpreter): Promise<void> {
    clearTimeout(interpreter.idleTimer);
    this.#interpreters.delete(interpreter.id);
    await this.#endKernel(interpreter);
  }
}

function newInterpreter(id: string, owner: string): Interpreter {
  return {
    id,
    owner,
    dropped: new AbortController(),
    lastCell: Promise.resolve(),
    pending: 0,
    bound: undefined,
    idleTimer: undefined,
  };
}
