/** The types between a sandbox and its callers. */
import type { CellOutput, CellStatus } from './backend.ts';
import type { RemoteOptions } from './remote/client.ts';

/** Sizes in bytes. */
export type SandboxOptions = {
  /** `auto`: whatever this machine can do. `remote`: a sandboxd runs the code. `none`: no code is run. */
  backend: 'auto' | 'bubblewrap' | 'pyodide' | 'remote' | 'none';
  /** Where the remote sandbox is, and the shared secret. */
  sandboxd?: Omit<RemoteOptions, 'limits'>;
  /** Absolute path of the system's Python, or of a virtual environment made with it. */
  python: string;
  /** A folder of wheels that cells can import from where the Python is Pyodide's. */
  wheels?: string;
  /** A cell is interrupted after this long; its variables are kept. */
  cellSoftSeconds: number;
  /** A cell that runs on after that is killed, and its interpreter goes back to the state before it. */
  cellHardSeconds: number;
  /** Of one kernel, all processes and files together. Default 1 GiB. */
  memoryBytes?: number;
  /** Processes and threads of one kernel. Default 64. */
  processes?: number;
  /** Files in /mnt/data, which count as memory too. Default 512 MiB. */
  diskBytes?: number;
  /**
   * A cgroup v2 that is delegated to this process, which is itself in a group below it. Default: the one above this
   * process's own, if that belongs to its user; else memory is watched.
   */
  cgroup?: string;
  /** Kernels at once. Default: derived from memory and processor count. */
  maxKernels?: number;
  /** An interpreter without cells for this long loses its kernel. Default 20 minutes. */
  idleSeconds?: number;
  /** Kept of what one cell prints: the first 60 % and the last 40 %. Default 100 KB. */
  maxLogBytes?: number;
  /** Keep one kernel warm, with the large packages imported. Default true. */
  spare?: boolean;
  /** Images one cell may show, and bytes and pixels of each. Default 10, 10 MiB, 25 million. */
  maxImages?: number;
  imageBytes?: number;
  imagePixels?: number;
  /** Files kept of an interpreter, bytes of each, and of all that one cell changed. Default 5000, 100 MiB, 200 MiB. */
  maxFiles?: number;
  fileBytes?: number;
  cellFileBytes?: number;
  /** Kept of an interpreter's variables, pickled. Default 64 MiB. */
  namespaceBytes?: number;
  /** Processor time of one step of saving or restoring an interpreter; a kernel that needs more is killed. Default 60. */
  stateSeconds?: number;
  log?: (message: string, fields?: Record<string, unknown>) => void;
};

/** The capabilities of this machine; `reason` says what is missing and how to get it. */
export type SandboxStatus = {
  backend: 'bubblewrap' | 'pyodide' | 'remote' | 'none';
  /** The backend of a remote sandbox. */
  behind?: string;
  ok: boolean;
  reason?: string;
  /** 'numpy 1.24.2', …: packages that a cell can import beyond the standard library. */
  packages: string[];
  /** Tested guarantees, as phrases about the code in a cell. */
  guarantees: string[];
  /** Threats that this backend does not protect against and another one does. */
  limitations?: readonly string[];
  /** '3.11.2' */
  python?: string;
};

/** The result of a cell. */
export type CellResult = {
  /** The printed text, the last expression's value, the traceback, the reason of an early end, and figures. */
  outputs: CellOutput[];
  status: CellStatus;
  durationMs: number;
};

/** A file a cell may read, such as an upload: put at /mnt/data/<path>, under each of its names, before the cell. */
export type InputFile = {
  paths: readonly string[];
  bytes: number;
  read: () => AsyncIterable<Uint8Array>;
};

/** A file below /mnt/data and its content. */
export type SavedFile = { path: string; bytes: number; read: () => AsyncIterable<Uint8Array> };

/** An interpreter as its last stored cell left it. */
export type SavedState = {
  files: SavedFile[];
  namespace: Buffer | undefined;
  /** Names lost when it was saved. */
  unsaved: string[];
};

/** The changes of a cell. The readers work only while `save` runs. */
export type StateChange = {
  /** New or changed regular files below /mnt/data, without inputs that the cell did not touch. */
  changed: SavedFile[];
  removed: string[];
  /** Pickled variables. 'unchanged': the stored ones are still right. undefined: there are none. */
  namespace: Buffer | 'unchanged' | undefined;
  /** Names that could not be saved; the whole list, also when the namespace is unchanged. */
  unsaved: string[];
};

/** One cell, and where the state of its interpreter comes from and goes to. */
export type CellRequest = {
  /** An interpreter is a thread's durable Python. */
  interpreterId: string;
  /** Owners with cells that wait get kernels in turn. */
  owner: string;
  /** Kernels that the owner may have at once. */
  most?: number | undefined;
  code: string;
  signal?: AbortSignal;
  /**
   * The stored state that the cell must start from; null: none yet. A kernel at another version is ended and replaced.
   * A function is called when it is this cell's turn, for callers that start cells of one interpreter side by side.
   */
  version: string | null | (() => Promise<string | null>);
  /** Called when there is no kernel at `version`, and version is not null. */
  load: () => Promise<SavedState>;
  inputs: readonly InputFile[];
  /** Of files and variables that can be saved, because their project has no room for more. Default: no limit of its own. */
  roomBytes?: number;
  /** Gets the beginning of the result's logs, in parts, while the cell runs. */
  onLogs?: (logs: string) => void;
  /**
   * Stores result and state together, before another cell of the interpreter can start. `state` is null when the kernel
   * died: the stored state stays what it was before the cell. After it resolves the kernel is at `nextVersion`; when
   * it rejects the kernel is ended and runCell rejects with the same error. It may be called again when it rejected
   * because a file of the cell could not be read: without that file, and at last with a null state.
   */
  save: (result: CellResult, state: StateChange | null) => Promise<void>;
  nextVersion: string;
};

/** Runs cells. Disposing ends every process. */
export interface Sandbox extends AsyncDisposable {
  readonly status: SandboxStatus;
  /** Kernels of interpreters that are alive, without the warm one. */
  readonly kernels: number;
  /**
   * Runs one cell after the earlier cells of its interpreter; resolves after `save`. Throws
   * SandboxUnavailableError when there is no sandbox, InterpreterClosedError when the interpreter is dropped, the signal's reason, with the kernel killed, when it aborts, and
   * what load, save or an input's read throw. Never throws for anything the code does.
   */
  runCell(request: CellRequest): Promise<CellResult>;
  /** Ends the interpreter's kernel and forgets its variables and files. */
  dropInterpreter(interpreterId: string): Promise<void>;
}

/** This machine has no sandbox; the message says what to install. */
export class SandboxUnavailableError extends Error {
  override name = 'SandboxUnavailableError';
  /** sandboxd is away, and may come back by itself. */
  readonly temporary: boolean;

  constructor(message?: string, options?: { cause?: unknown; temporary?: boolean }) {
    super(message, options);
    this.temporary = options?.temporary ?? false;
  }
}
