/** Where objects come from: a server that speaks the API, or a directory of exports. */
import OpenAI from 'openai';

import { download } from '../batch/download.ts';
import { StartError } from '../serve/start-error.ts';

/** An object as an API returns it. */
export type Found = { id: string; object: string; created_at: number; [field: string]: unknown };
type Kind = 'file' | 'vector_store' | 'assistant';

export type Source = {
  /** The oldest first, as all lists here. */
  list(kind: Kind): Promise<Found[]>;
  storeFiles(store: string): Promise<Found[]>;
  /** Of all threads that the source can list. */
  threadIds(): Promise<string[]>;
  thread(id: string): Promise<Found>;
  messages(thread: string): Promise<Found[]>;
  /** Undefined: the source has no contents. */
  download?: (file: string, path: string) => Promise<void>;
};

/** Another try may find the server: it ends the import. */
export class UnreachableError extends StartError {
  override name = 'UnreachableError';
}

const PATHS = { file: '/files', vector_store: '/vector_stores', assistant: '/assistants' };
const BETA = { 'OpenAI-Beta': 'assistants=v2' };
const PAGE = 100;

const threadPath = (id: string) => `/threads/${encodeURIComponent(id)}`;

export function serverSource(client: OpenAI): Source {
  const reach = async <T>(asked: Promise<T>): Promise<T> =>
    asked.catch((error: unknown) => {
      if (!(error instanceof OpenAI.APIConnectionError)) throw error;
      throw new UnreachableError(`The server at ${client.baseURL} does not answer: import again.`);
    });
  const list = (path: string) => reach(listAll(client, path));
  return {
    list: (kind) => list(PATHS[kind]),
    storeFiles: (store) => list(`/vector_stores/${encodeURIComponent(store)}/files`),
    threadIds: async () => (await list('/threads')).map(({ id }) => id),
    thread: (id) => reach(client.get<Found>(threadPath(id), { headers: BETA })),
    messages: (thread) => list(`${threadPath(thread)}/messages`),
    download: (file, path) => reach(download(client, file, path)),
  };
}

type Page = { data: Found[]; has_more?: boolean; last_id?: string | null };

async function listAll(client: OpenAI, path: string): Promise<Found[]> {
  const all = new Map<string, Found>();
  for (let after: string | undefined; ;) {
    const query = { limit: PAGE, order: 'asc', ...(after !== undefined && { after }) };
    const page = await client.get<Page>(path, { query, headers: BETA });
    const known = all.size;
    for (const one of page.data) all.set(one.id, one);
    after = page.last_id ?? page.data.at(-1)?.id;
    // A server without pages sends the whole list again.
    if (page.has_more !== true || after === undefined || all.size === known) break;
  }
  return inOrder([...all.values()]);
}

/** The oldest first: those of one second as they were listed. */
export function inOrder(listed: Found[]): Found[] {
  const isNewestFirst = (listed[0]?.created_at ?? 0) > (listed.at(-1)?.created_at ?? 0);
  const rising = isNewestFirst ? listed.toReversed() : listed;
  return rising.toSorted((a, b) => a.created_at - b.created_at);
}
