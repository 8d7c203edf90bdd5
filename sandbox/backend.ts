/** What a way of isolating Python must offer; `sessions.ts` and the probe work with any of them. */

/** How a cell ended. `died`: its kernel is gone, and with it the variables and files of the session. */
export type CellStatus = 'ok' | 'error' | 'timeout' | 'died';

/** What a cell printed and how it ended. */
export type CellOutcome = { logs: string; status: CellStatus };

/** What one kernel may use. Times in seconds, sizes in bytes. */
export type Limits = {
  /** The cell is interrupted, variables are kept. */
  cellSoftSeconds: number;
  /** The kernel is killed. */
  cellHardSeconds: number;
  /** Of all processes and files of the kernel together. */
  memoryBytes: number;
  processes: number;
  /** Kept of what one cell prints. */
  maxLogBytes: number;
};

/** A running Python process that keeps variables between cells. */
export interface Kernel {
  /** False once its processes have ended, for whatever reason. */
  readonly alive: boolean;
  /** Runs one cell; never two at once. Never rejects: a kernel that dies is an outcome. */
  run(code: string): Promise<CellOutcome>;
  /** Ends every process of the kernel and resolves when they are gone. A running cell's logs end with `reason`. */
  kill(reason: string): Promise<void>;
}

/** Starts kernels. */
export interface SandboxBackend {
  /** Throws KernelStartError when no kernel comes up, and the signal's reason when it aborts. */
  start(signal?: AbortSignal): Promise<Kernel>;
}

/** No kernel came up; the message says what the backend said. */
export class KernelStartError extends Error {
  override name = 'KernelStartError';
}
