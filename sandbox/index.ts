/**
 * The code_interpreter's sandbox: Python that keeps variables between the cells of an interpreter and can
 * reach nothing else. Whether this machine can confine it is tested once, when the sandbox is made.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { Limits, SandboxBackend } from './backend.ts';
import { KernelLostError, KernelStartError } from './backend.ts';
import type { Chosen } from './choose-backend.ts';
import { chooseBackend } from './choose-backend.ts';
import type { Sandbox, SandboxOptions, SandboxStatus } from './sandbox.ts';
import { SandboxUnavailableError } from './sandbox.ts';
import { InterpreterClosedError, KernelPool } from './pool/kernel-pool.ts';

export type {
  CellResult,
  InputFile,
  Sandbox,
  SandboxOptions,
  SandboxStatus,
  SavedFile,
  SavedState,
  StateChange,
} from './sandbox.ts';
export { SandboxUnavailableError, InterpreterClosedError };

const MEGABYTE = 1024 * 1024;
const KERNEL_ESTIMATE_BYTES = 400 * MEGABYTE;
const KERNELS_PER_PROCESSOR = 16;

/** Finds a backend that works on this machine, by running real cells. Does not throw when there is none: see `status`. */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const limits = limitsOf(options);
  const chosen = await chooseBackend(options, limits);
  if (chosen.open === undefined) return unavailable(chosen.status);
  return available(chosen, await chosen.open(limits), options);
}

/** The limits of one kernel. */
export function limitsOf(options: SandboxOptions): Limits {
  return {
    cellSoftSeconds: options.cellSoftSeconds,
    cellHardSeconds: options.cellHardSeconds,
    memoryBytes: options.memoryBytes ?? 1024 * MEGABYTE,
    processes: options.processes ?? 64,
    diskBytes: options.diskBytes ?? 512 * MEGABYTE,
    maxLogBytes: options.maxLogBytes ?? 100_000,
    maxImages: options.maxImages ?? 10,
    imageBytes: options.imageBytes ?? 10 * MEGABYTE,
    imagePixels: options.imagePixels ?? 25_000_000,
    maxFiles: options.maxFiles ?? 5_000,
    fileBytes: options.fileBytes ?? 100 * MEGABYTE,
    cellFileBytes: options.cellFileBytes ?? 200 * MEGABYTE,
    namespaceBytes: options.namespaceBytes ?? 64 * MEGABYTE,
    stateSeconds: options.stateSeconds ?? 60,
  };
}

function available(chosen: Chosen, backend: SandboxBackend, options: SandboxOptions): Sandbox {
  const { idleSeconds = 1_200, spare = true, log } = options;
  const { maxKernels = chosen.maxKernels ?? defaultKernels() } = options;
  const kernels = new KernelPool(backend, limitsOf(options), { maxKernels, idleSeconds, spare });
  let closed = false;
  return {
    get status() {
      return chosen.status;
    },
    get kernels() {
      return kernels.count;
    },
    async runCell(request) {
      if (closed) throw new InterpreterClosedError('The sandbox was closed.');
      const result = await kernels.run(request).catch(asUnavailable);
      const { status, durationMs } = result;
      if (status === 'died') {
        log?.('a cell ended its kernel', { interpreter_id: request.interpreterId, durationMs });
      }
      return result;
    },
    dropInterpreter: (interpreterId) => kernels.drop(interpreterId),
    async [Symbol.asyncDispose]() {
      closed = true;
      chosen.close?.();
      await kernels[Symbol.asyncDispose]();
    },
  };
}

function unavailable(status: SandboxStatus): Sandbox {
  return {
    status,
    kernels: 0,
    runCell: () => Promise.reject(new SandboxUnavailableError(status.reason)),
    dropInterpreter: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function asUnavailable(error: unknown): never {
  if (error instanceof KernelLostError) {
    throw new SandboxUnavailableError(error.message, { cause: error, temporary: true });
  }
  if (!(error instanceof KernelStartError)) throw error;
  throw new SandboxUnavailableError(`Python did not start. ${error.message}`, {
    cause: error,
    temporary: error.temporary,
  });
}

/** A number of kernels derived from memory and processor count. */
export function defaultKernels(): number {
  // In a container its limit; without a limit a meaningless number.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  const byMemory = Math.floor(memory / KERNEL_ESTIMATE_BYTES);
  return Math.max(1, Math.min(byMemory, availableParallelism() * KERNELS_PER_PROCESSOR));
}
