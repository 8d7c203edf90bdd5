/** What a way of isolating Python must offer; `sessions.ts` and the probe work with any of them. */
import type { Channel } from './kernel/channel.ts';

/** How a cell ended. `died`: its kernel is gone, and with it what the cell did to variables and files. */
export type CellStatus = 'ok' | 'error' | 'timeout' | 'died';

/** In order of appearance; neighbouring logs are one. */
export type CellOutput = { type: 'logs'; logs: string } | { type: 'image'; png: Buffer };

/** What a cell gave and how it ended. */
export type CellOutcome = { outputs: CellOutput[]; status: CellStatus };

/** A regular file below /mnt/data, as the kernel tells it: untrusted, to be checked before use. */
export type FileEntry = {
  /** Relative to /mnt/data. */
  path: string;
  bytes: number;
  /** Changes when the content may have changed: size, modification time, inode. */
  stamp: string;
};

/** What one kernel may use. Times in seconds, sizes in bytes. */
export type Limits = {
  /** The cell is interrupted, variables are kept. */
  cellSoftSeconds: number;
  /** The kernel is killed. */
  cellHardSeconds: number;
  /** Of all processes and files of the kernel together. */
  memoryBytes: number;
  processes: number;
  /** Of /mnt/data, and of its largest file. */
  diskBytes: number;
  /** Kept of what one cell prints. */
  maxLogBytes: number;
  /** Shown by one cell. */
  maxImages: number;
  imageBytes: number;
  imagePixels: number;
  /** Kept of a session's files: how many, bytes of one, and bytes of all that one cell changed. */
  maxFiles: number;
  fileBytes: number;
  cellFileBytes: number;
  /** Pickled variables. */
  namespaceBytes: number;
  /** Processor time of one step of saving or restoring a session; the kernel is killed after that. */
  stateSeconds: number;
};

/**
 * Variables as bytes. 'unchanged': they are those of this kernel's last snapshot; undefined: there are none.
 * `unsaved`: names that could not be pickled, or did not fit.
 */
export type Snapshot = { blob: Buffer | 'unchanged' | undefined; unsaved: string[] };

/** A running Python process that keeps variables between cells. Of its methods one runs at a time. */
export interface Kernel {
  /** False once its processes have ended, for whatever reason. */
  readonly alive: boolean;
  /** Runs one cell. Never rejects: a kernel that dies is an outcome. */
  run(code: string): Promise<CellOutcome>;
  /**
   * Writes `data` to /mnt/data/<paths[0]>; the other paths become hard links to it, or copies. Replaces what is there.
   * Like the methods below it throws KernelError when the kernel cannot or dies.
   */
  putFile(paths: readonly string[], data: AsyncIterable<Uint8Array>, bytes: number): Promise<void>;
  /** Never follows links, and skips everything that is not a regular file. */
  listFiles(): Promise<FileEntry[]>;
  /** Never follows links out of /mnt/data. Throws KernelError too when there is no such file or it is larger. */
  readFile(path: string, maxBytes: number): AsyncIterable<Buffer>;
  /** Pickles the cells' variables inside the sandbox. */
  snapshot(maxBytes: number): Promise<Snapshot>;
  /** Brings back the variables of an earlier snapshot. `failed`: names that did not come back. */
  restore(blob: Buffer): Promise<{ failed: string[] }>;
  /** Imports modules ahead of the cells that will use them; those that are not installed are passed over. */
  warm(modules: readonly string[]): Promise<void>;
  /** Ends every process of the kernel and resolves when they are gone. A running cell's logs end with `reason`. */
  kill(reason: string): Promise<void>;
}

/** A kernel that is starting, and what it may use. */
export type LaunchedKernel = { channel: Channel; limits: Limits };

/** Starts kernels. */
export interface SandboxBackend {
  /** Starts a kernel's processes. Throws as `start` does. */
  launch(signal?: AbortSignal): Promise<LaunchedKernel>;
  /** Throws KernelStartError when no kernel comes up, and the signal's reason when it aborts. */
  start(signal?: AbortSignal): Promise<Kernel>;
}

/** No kernel came up; the message says what the backend said. */
export class KernelStartError extends Error {
  override name = 'KernelStartError';
  /** What starts kernels is away, and may come back. */
  readonly temporary: boolean;

  constructor(message: string, options?: { cause?: unknown; temporary?: boolean }) {
    super(message, options);
    this.temporary = options?.temporary ?? false;
  }
}

/** A kernel could not do what it was asked for: it died, or the code in it got in the way. */
export class KernelError extends Error {
  override name = 'KernelError';
}

/** A step of saving or restoring used up its processor time. What is stored may be whole all the same. */
export class KernelTimeoutError extends KernelError {
  override name = 'KernelTimeoutError';
}

/** A kernel was lost through no fault of its code: it got no processor time, or its sandboxd went away. */
export class KernelLostError extends KernelError {
  override name = 'KernelLostError';
}
