/** Carries the bytes of one kernel, whose process is on this machine or behind a sandboxd. */
export interface Channel {
  /** Called once, before everything else. */
  listen(listener: ChannelListener): void;
  /** Sends frames. Resolves when the kernel has taken the bytes, or has ended. */
  write(data: Uint8Array): Promise<void>;
  /** While false, output stays where it is, and a thread that goes on printing waits. */
  readOutput(on: boolean): void;
  /** While true, neither output nor frames are read: for a reader that cannot keep up. */
  hold(on: boolean): void;
  /** Stops every process of the kernel, so that no thread goes on between cells, until `resume`. */
  pause(): void;
  resume(): void;
  /** Processor time that Python has used; undefined where the system does not say. */
  processorSeconds(): number | undefined;
  /** Bytes in use, or 0 where something else limits them. */
  memory(limit: number): Promise<number>;
  /** Ends every process at once; `closed` is called when they are gone. */
  end(): void;
}

export type ChannelListener = {
  /** What the kernel prints. */
  output: (chunk: Buffer) => void;
  /** Bytes of the frames that the kernel sends. */
  frames: (chunk: Buffer) => void;
  closed: (end: ChannelEnd) => void;
};

/** How a kernel's processes ended. */
export type ChannelEnd = {
  /** A sentence. */
  reason: string;
  /** What the launcher printed before Python ran. */
  launcherLog: string;
  /** The kernel ended through no fault of its code, such as with the connection to its sandboxd. */
  lost: boolean;
};
