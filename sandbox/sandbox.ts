/** The types between a sandbox and its callers. */
import type { CellOutput, CellStatus } from './backend.ts';
import type { RemoteOptions } from './remote/client.ts';

/** Sizes in bytes. */
export type SandboxOptions = {
  /** `auto`: whatever this machine can do. `remote`: a sandboxd runs the code. `none`: no code is run. */
  backend: 'auto' | 'bubblewrap' | 'pyodide' | 'remote' | 'none';
  /** Where the remote sandbox is, and the token it knows this process by. */
  sandboxd?: Omit<RemoteOptions, 'limits'>;
  /** Absolute path of the system's Python, or of a virtual environment made with it. */
  python: string;
  /** A folder of wheels that cells can import from where the Python is Pyodide's. */
  wheels?: string;
  /** A cell is interrupted after this long; its variables are kept. */
  cellSoftSeconds: number;
  /** A cell that did not heed that is killed, and its session starts anew. */
  cellHardSeconds: number;
  /** Of one session, all processes and files together. Default 1 GiB. */
  memoryBytes?: number;
  /** Processes and threads of one session. Default 64. */
  processes?: number;
  /** Files in /mnt/data, which count as memory too. Default 512 MiB. */
  diskBytes?: number;
  /**
   * A cgroup v2 that is delegated to this process, which is itself in a group below it. Default: the one above this
   * process's own, if that belongs to its user; else memory is watched.
   */
  cgroup?: string;
  /** Sessions with a live Python. Default: what memory and processors of this machine bear. */
  maxKernels?: number;
  /** A session without cells for this long loses its Python. Default 20 minutes. */
  idleSeconds?: number;
  /** Kept of what one cell prints: the first 60 % and the last 40 %. Default 100 KB. */
  maxLogBytes?: number;
  /** Keep one Python ready with the large packages imported. Default true. */
  spare?: boolean;
  /** Images one cell may show, and bytes and pixels of each. Default 10, 10 MiB, 25 million. */
  maxImages?: number;
  imageBytes?: number;
  imagePixels?: number;
  /** Files kept of a session, bytes of each, and of all one cell changed. Default 5000, 100 MiB, 200 MiB. */
  maxFiles?: number;
  fileBytes?: number;
  cellFileBytes?: number;
  /** Kept of a session's variables, pickled. Default 64 MiB. */
  namespaceBytes?: number;
  /** Processor time of one step of saving or restoring a session; a kernel that needs more is killed. Default 60. */
  stateSeconds?: number;
  log?: (message: string, fields?: Record<string, unknown>) => void;
};

/** What this machine can do; `reason` says what is missing and how to get it. */
export type SandboxStatus = {
  backend: 'bubblewrap' | 'pyodide' | 'remote' | 'none';
  /** What a remote sandbox runs code in. */
  behind?: string;
  ok: boolean;
  reason?: string;
  /** 'numpy 1.24.2', …: what a cell can import beyond the standard library. */
  packages: string[];
  /** What was tested and holds, as phrases about the code in a cell. */
  guarantees: string[];
  /** What it does not protect against, beyond what no sandbox does. */
  limitations?: readonly string[];
  /** '3.11.2' */
  python?: string;
};

/** What running a cell gave. */
export type CellResult = {
  /** Everything printed, the last expression, the traceback, why it was cut short, and figures. */
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

/** A session as its last stored cell left it. */
export type SavedState = {
  files: SavedFile[];
  namespace: Buffer | undefined;
  /** Names lost when it was saved. */
  unsaved: string[];
};

/** What a cell changed. The readers work only while `save` runs. */
export type StateChange = {
  /** New or changed regular files below /mnt/data; inputs that were not touched are not among them. */
  changed: SavedFile[];
  removed: string[];
  /** Pickled variables. 'unchanged': what is stored is still right. undefined: there are none, so none are to be stored. */
  namespace: Buffer | 'unchanged' | undefined;
  /** Names that could not be saved; the whole list, also when the namespace is unchanged. */
  unsaved: string[];
};

/** One cell, and where the state of its session comes from and goes to. */
export type CellRequest = {
  /** A session is a thread's Python. */
  sessionId: string;
  code: string;
  signal?: AbortSignal;
  /**
   * The stored state the cell must start from; null: none yet. A live kernel at another version is ended and replaced.
   * A function is asked once it is this cell's turn, for callers that start cells of one session side by side.
   */
  version: string | null | (() => Promise<string | null>);
  /** Called when there is no live kernel at `version`, and version is not null. */
  load: () => Promise<SavedState>;
  inputs: readonly InputFile[];
  /**
   * Stores result and state together, before another cell of the session can start. `state` is null when the kernel
   * died: the stored state stays what it was before the cell. After it resolves a live kernel is at `nextVersion`; when
   * it rejects the kernel is ended and runCell rejects with the same error. It may be called again when it rejected
   * because a file of the cell could not be read: without that file, and at last with a null state.
   */
  save: (result: CellResult, state: StateChange | null) => Promise<void>;
  nextVersion: string;
};

/** Runs cells. Disposing ends every process. */
export interface Sandbox extends AsyncDisposable {
  readonly status: SandboxStatus;
  /**
   * Runs one cell after the cells this session was given before; resolves after `save`. Throws
   * SandboxUnavailableError when there is no sandbox, SessionClosedError when the session is dropped, the signal's reason, with the kernel killed, when it aborts, and
   * what load, save or an input's read throw. Never throws for anything the code does.
   */
  runCell(request: CellRequest): Promise<CellResult>;
  /** Ends the session's processes and forgets its variables and files. */
  dropSession(sessionId: string): Promise<void>;
}

/** There is nothing to run code in; the message says what to install. */
export class SandboxUnavailableError extends Error {
  override name = 'SandboxUnavailableError';
  /** A sandboxd that is away: it may come back by itself. */
  readonly temporary: boolean;

  constructor(message?: string, options?: { cause?: unknown; temporary?: boolean }) {
    super(message, options);
    this.temporary = options?.temporary ?? false;
  }
}
