import type { SavedFile, SavedState, StateChange } from '../../../sandbox/index.ts';

type Stored = {
  version: string | null;
  files: Map<string, Buffer>;
  namespace: Buffer | undefined;
  unsaved: string[];
};

/** What a database would keep of sessions, in memory. */
export class StateStore {
  readonly #sessions = new Map<string, Stored>();
  /** Every change as it came, newest last. */
  readonly changes: { session: string; change: StateChange | null }[] = [];

  version(session: string): string | null {
    return this.#sessions.get(session)?.version ?? null;
  }

  files(session: string): Map<string, Buffer> {
    return this.#sessions.get(session)?.files ?? new Map();
  }

  namespace(session: string): Buffer | undefined {
    return this.#sessions.get(session)?.namespace;
  }

  load(session: string): SavedState {
    const stored = this.#sessions.get(session) ?? empty();
    const files = [...stored.files].map(([path, data]) => savedFile(path, data));
    return { files, namespace: stored.namespace, unsaved: stored.unsaved };
  }

  async save(session: string, version: string, change: StateChange | null): Promise<void> {
    const read = await Promise.all(
      (change?.changed ?? []).map(async (file) => [file.path, await contentOf(file)] as const),
    );
    this.changes.push({ session, change });
    if (change === null) return;
    const stored = this.#sessions.get(session) ?? empty();
    for (const path of change.removed) stored.files.delete(path);
    for (const [path, data] of read) stored.files.set(path, data);
    if (change.namespace !== 'unchanged') stored.namespace = change.namespace;
    this.#sessions.set(session, { ...stored, version, unsaved: change.unsaved });
  }

  forget(session: string): void {
    this.#sessions.delete(session);
  }
}

function savedFile(path: string, data: Buffer): SavedFile {
  return {
    path,
    bytes: data.length,
    async *read() {
      yield data;
    },
  };
}

async function contentOf(file: SavedFile): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function empty(): Stored {
  return { version: null, files: new Map(), namespace: undefined, unsaved: [] };
}
