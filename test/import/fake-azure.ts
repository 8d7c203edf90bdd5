/** Azure's classic service, as far as an import reads it: `api-key`, `api-version`, pages, throttling and its shapes of ids. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const KEY = 'azure-secret-0123456789';
export const VERSION = '2024-05-01-preview';
const THEN = 1_700_000_000;
const PAGE = 2;

const id = (prefix: string, n: number) =>
  `${prefix}${String.fromCharCode(122 - n)}q3Vt7LmXp0aRbNcYdZe1Fg`;
export const FILES = [0, 1, 2].map((n) => ({
  id: id('assistant-', n),
  object: 'file',
  purpose: 'assistants',
  filename: `notes-${n}.txt`,
  bytes: 20 + n,
  created_at: THEN + n,
  status: 'processed',
  status_details: null,
}));
export const contentOf = (n: number) => 'herons wade at dawn.' + '!'.repeat(n);
export const STORE = {
  id: id('vs_', 0),
  object: 'vector_store',
  created_at: THEN + 10,
  name: 'Birds',
  metadata: { topic: 'birds' },
  expires_after: { anchor: 'last_active_at', days: 30 },
  usage_bytes: 1,
  status: 'completed',
  file_counts: { in_progress: 0, completed: 1, failed: 0, cancelled: 0, total: 1 },
};
export const ASSISTANTS = [0, 1, 2].map((n) => ({
  id: id('asst_', n),
  object: 'assistant',
  created_at: THEN + 20 + n,
  name: `Watcher ${n}`,
  description: null,
  model: 'azure-model',
  instructions: 'Watch birds.',
  tools: [{ type: 'code_interpreter' }],
  top_p: 1,
  temperature: 1,
  tool_resources: { code_interpreter: { file_ids: [FILES[0]!.id] } },
  metadata: {},
  response_format: 'auto',
}));
export const THREAD = {
  id: id('thread_', 0),
  object: 'thread',
  created_at: THEN + 30,
  metadata: { user: 'u1' },
  tool_resources: { file_search: { vector_store_ids: [STORE.id] } },
};
export const MESSAGES = Array.from({ length: 5 }, (_, n) => ({
  id: id('msg_', n),
  object: 'thread.message',
  created_at: THEN + 31 + n,
  thread_id: THREAD.id,
  role: n % 2 === 0 ? 'user' : 'assistant',
  assistant_id: n % 2 === 0 ? null : ASSISTANTS[0]!.id,
  run_id: n % 2 === 0 ? null : id('run_', n),
  content: [{ type: 'text', text: { value: `Word ${n}`, annotations: [] } }],
  attachments: n === 0 ? [{ file_id: FILES[1]!.id, tools: [{ type: 'file_search' }] }] : [],
  metadata: {},
}));

/** Fields that this product does not have, beside a value that it refuses. */
const TROUBLED = [
  { ...ASSISTANTS[0]!, region: 'westeurope', tools: [{ type: 'code_interpreter', tier: 'gold' }] },
  ...ASSISTANTS.slice(1),
  { ...ASSISTANTS[0]!, id: id('asst_', 9), created_at: THEN + 29, temperature: 7 },
];
const LISTS: Record<string, object[]> = {
  '/files': [...FILES, { ...FILES[0]!, id: 'assistant-tuning', purpose: 'fine-tune' }],
  '/vector_stores': [STORE],
  [`/vector_stores/${STORE.id}/files`]: [
    {
      id: FILES[0]!.id,
      object: 'vector_store.file',
      created_at: THEN + 11,
      vector_store_id: STORE.id,
      status: 'completed',
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens: 300, chunk_overlap_tokens: 100 },
      },
      attributes: { season: 'spring' },
    },
  ],
  '/assistants': TROUBLED,
  [`/threads/${THREAD.id}/messages`]: MESSAGES,
};

type Reply = { status: number; body: unknown; headers?: Record<string, string> };

/** `requests` has the paths that were asked for. */
export async function startFakeAzure() {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://azure');
    requests.push(url.pathname);
    const isKnown = request.headers['api-key'] === KEY && !request.headers.authorization;
    const { status, body, headers } = !isKnown
      ? refusal(401, `Access denied for ${String(request.headers['api-key'])}.`)
      : answerTo(url, requests.length);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const refusal = (status: number, message: string): Reply => ({
  status,
  body: { error: { message } },
});

function answerTo({ pathname, searchParams }: URL, number: number): Reply {
  if (searchParams.get('api-version') !== VERSION) return refusal(404, 'Resource not found');
  const headers = { 'retry-after-ms': '1' };
  if (number % 4 === 2) return { ...refusal(429, 'Slow down.'), headers };
  const path = pathname.replace(/^\/openai/, '');
  if (path === `/threads/${THREAD.id}`) return { status: 200, body: THREAD };
  const content = FILES.findIndex((file) => path === `/files/${file.id}/content`);
  if (content === 2) return refusal(400, 'Not allowed to download files of purpose: assistants.');
  if (content >= 0) return { status: 200, body: contentOf(content) };
  const list = LISTS[path] as { id: string }[] | undefined;
  if (list === undefined) return refusal(404, `Nothing is at ${path}.`);
  const from = list.findIndex((one) => one.id === searchParams.get('after')) + 1;
  const data = list.slice(from, from + PAGE);
  const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  const has_more = from + PAGE < list.length;
  return { status: 200, body: { object: 'list', data, ...ends, has_more } };
}
