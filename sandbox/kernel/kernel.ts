/** A kernel's methods, as questions over its channel. */
import type {
  CellOutcome,
  FileEntry,
  Kernel,
  Limits,
  SandboxBackend,
  Snapshot,
} from '../backend.ts';
import { KernelError } from '../backend.ts';
import { Conversation } from './conversation.ts';
import { PART_BYTES } from './frames.ts';
import { asListing, asNames, asSnapshotKind } from './results.ts';

// JSON of a file with the longest path.
const MAX_ENTRY_BYTES = 8 * 1024;

/** Starts kernels whose processes `launch` starts. */
export function kernelBackend(launch: SandboxBackend['launch']): SandboxBackend {
  return {
    launch,
    async start(signal, owner) {
      const { channel, limits } = await launch(signal, owner);
      const conversation = new Conversation(channel, limits);
      await conversation.ready(signal);
      return new FramedKernel(conversation, limits);
    },
  };
}

class FramedKernel implements Kernel {
  readonly #conversation: Conversation;
  readonly #limits: Limits;
  /** The last listing, and what the kernel called it. */
  #listing: { name: string; entries: FileEntry[] } | undefined;

  constructor(conversation: Conversation, limits: Limits) {
    this.#conversation = conversation;
    this.#limits = limits;
  }

  get alive(): boolean {
    return this.#conversation.alive;
  }

  async run(code: string, onLogs?: (logs: string) => void): Promise<CellOutcome> {
    const { outcome, files } = await this.#conversation.run(code, onLogs);
    if (files !== this.#listing?.name) this.#listing = undefined;
    return outcome;
  }

  async putFile(
    paths: readonly string[],
    data: AsyncIterable<Uint8Array>,
    bytes: number,
  ): Promise<void> {
    const [path, ...more] = paths;
    if (path === undefined) return;
    let offset = 0;
    const put = async (part: Uint8Array) => {
      const last = offset + part.length >= bytes;
      await this.#conversation.ask({ t: 'put', path, offset, more: last ? more : [] }, part);
      offset += part.length;
    };
    for await (const chunk of data) {
      for (let at = 0; at < chunk.length; at += PART_BYTES) {
        await put(chunk.subarray(at, at + PART_BYTES));
      }
    }
    if (offset === 0) await put(new Uint8Array());
    this.#listing = undefined;
  }

  async listFiles(): Promise<FileEntry[]> {
    if (this.#listing !== undefined) return this.#listing.entries;
    const { result, body } = await this.#conversation.ask(
      { t: 'list', most: this.#limits.maxFiles + 1 },
      '',
      MAX_ENTRY_BYTES * (this.#limits.maxFiles + 1),
    );
    const entries = this.#conversation.read(() => asListing(body));
    this.#listing = { name: String(result['files']), entries };
    return entries;
  }

  async *readFile(path: string, maxBytes: number): AsyncGenerator<Buffer> {
    for (let offset = 0; ;) {
      const frame = { t: 'read', path, offset, length: PART_BYTES } as const;
      const { body } = await this.#conversation.ask(frame, '', PART_BYTES);
      if (body.length === 0) return;
      offset += body.length;
      if (offset > maxBytes) throw new KernelError(`'${path}' has more than ${maxBytes} bytes.`);
      yield body;
    }
  }

  async snapshot(maxBytes: number): Promise<Snapshot> {
    // The pickle's header comes on top.
    const { result, body } = await this.#conversation.ask(
      { t: 'snapshot', cap: maxBytes },
      '',
      maxBytes + PART_BYTES,
    );
    const unsaved = this.#conversation.read(() => asNames(result['unsaved']));
    const kind = this.#conversation.read(() => asSnapshotKind(result['kind']));
    if (kind === 'same') return { blob: 'unchanged', unsaved };
    return { blob: kind === 'none' ? undefined : body, unsaved };
  }

  async restore(blob: Buffer): Promise<{ failed: string[] }> {
    const { result } = await this.#conversation.ask({ t: 'restore' }, blob);
    return { failed: this.#conversation.read(() => asNames(result['failed'])) };
  }

  async warm(modules: readonly string[]): Promise<void> {
    await this.#conversation.ask({ t: 'warm', modules });
  }

  kill(reason: string): Promise<void> {
    return this.#conversation.kill(reason);
  }
}
