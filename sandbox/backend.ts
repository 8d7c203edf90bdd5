/** The interface of a backend, which isolates Python: the pool and the probe work with any of them. */
import type { Channel } from './kernel/channel.ts';

/** How a cell ended. `died`: its kernel has ended, and with it what the cell did to variables and files. */
export type CellStatus = 'ok' | 'error' | 'timeout' | 'died';

/** In order of appearance; neighbouring logs are one. */
export type CellOutput = { type: 'logs'; logs: string } | { type: 'image'; png: Buffer };

/** The output of a cell, and how it ended. */
export type CellOutcome = { outputs: CellOutput[]; status: CellStatus };

/** A regular file below /mnt/data, as the kernel lists it: untrusted, to be checked before use. */
export type FileEntry = {
  /** Relative to /mnt/data. */
  path: string;
  bytes: number;
  /** Changes when the content may have changed: size, modification time, inode. */
  stamp: string;
};

/** The limits of one kernel. Times in seconds, sizes in bytes. */
export type Limits = {
  /** Soft limit: the cell is interrupted; variables survive. */
  cellSoftSeconds: number;
  /** Hard limit: the kernel is killed. */
  cellHardSeconds: number;
  /** Of all processes and files of the kernel together. */
  memoryBytes: number;
  processes: number;
  /** Of /mnt/data, and of its largest file. */
  diskBytes: number;
  /** Kept of the output of one cell. */
  maxLogBytes: number;
  /** Images of one cell. */
  maxImages: number;
  imageBytes: number;
  imagePixels: number;
  /** Kept of an interpreter's files: their number, bytes of each, and bytes of all that one cell changed. */
  maxFiles: number;
  fileBytes: number;
  cellFileBytes: number;
  /** Pickled variables. */
  namespaceBytes: number;
  /** Processor time of one step of saving or restoring an interpreter; the kernel is killed after that. */
  stateSeconds: number;
};

/**
 * Variables as bytes. 'unchanged': they are the same as in this kernel's last snapshot; undefined: there are none.
 * `unsaved`: names that could not be pickled, or did not fit.
 */
export type Snapshot = { blob: Buffer | 'unchanged' | undefined; unsaved: string[] };

/** A running Python process that keeps variables between cells. One of its methods runs at a time. */
export interface Kernel {
  /** False when its processes have ended. */
  readonly alive: boolean;
  /**
   * Runs one cell. Never rejects: a kernel that dies is an outcome. `onLogs` gets, while the cell runs, the beginning of
   * the logs that the outcome begins with.
   */
  run(code: string, onLogs?: (logs: string) => void): Promise<CellOutcome>;
  /**
   * Writes `data` to /mnt/data/<paths[0]>; the other paths become hard links to it, or copies. Replaces existing files.
   * Like the methods below it throws KernelError when the kernel cannot or dies.
   */
  putFile(paths: readonly string[], data: AsyncIterable<Uint8Array>, bytes: number): Promise<void>;
  /** Never follows links, and skips all but regular files. */
  listFiles(): Promise<FileEntry[]>;
  /** Never follows links out of /mnt/data. Throws KernelError too when there is no such file or it is larger. */
  readFile(path: string, maxBytes: number): AsyncIterable<Buffer>;
  /** Pickles the cells' variables inside the sandbox. */
  snapshot(maxBytes: number): Promise<Snapshot>;
  /** Brings back the variables of an earlier snapshot. `failed`: names that did not come back. */
  restore(blob: Buffer): Promise<{ failed: string[] }>;
  /** Imports modules before the cells that will use them, and skips modules that are not installed. */
  warm(modules: readonly string[]): Promise<void>;
  /** Ends every process of the kernel and resolves when they are gone. A running cell's logs end with `reason`. */
  kill(reason: string): Promise<void>;
}

/** A kernel that is starting, and what it may use. */
export type LaunchedKernel = { channel: Channel; limits: Limits };

/** Starts kernels. */
export interface SandboxBackend {
  /** Starts a kernel's processes. Throws as `start` does. */
  launch(signal?: AbortSignal, owner?: string): Promise<LaunchedKernel>;
  /**
   * A sandboxd shares its kernels out between owners. Throws KernelStartError when no kernel starts, and the signal's reason
   * when it aborts.
   */
  start(signal?: AbortSignal, owner?: string): Promise<Kernel>;
}

/** No kernel started; the message is the backend's. */
export class KernelStartError extends Error {
  override name = 'KernelStartError';
  /** The cause may go away by itself, such as a sandboxd that is away. */
  readonly temporary: boolean;

  constructor(message: string, options?: { cause?: unknown; temporary?: boolean }) {
    super(message, options);
    this.temporary = options?.temporary ?? false;
  }
}

/** A kernel could not carry out a request: it died, or the code in it interfered. */
export class KernelError extends Error {
  override name = 'KernelError';
}

/** A step of saving or restoring used up its processor time. The stored state is intact. */
export class KernelTimeoutError extends KernelError {
  override name = 'KernelTimeoutError';
}

/** A kernel was lost through no fault of its code: it got no processor time, or its sandboxd went away. */
export class KernelLostError extends KernelError {
  override name = 'KernelLostError';
}
