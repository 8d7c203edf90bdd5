/** The demo model for every container, from inside the app image: `slow` takes ten seconds and more for an answer. */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { json } from 'node:stream/consumers';

import { startDemoModel } from '../../demo/server.ts';

const fast = await startDemoModel({ tokensPerSecond: 300 });
const slow = await startDemoModel({ tokensPerSecond: 3 });

createServer((request, response) => {
  void forward(request, response).catch(() => response.destroy());
}).listen(9000, '0.0.0.0');

async function forward(
  ...[request, response]: Parameters<Parameters<typeof createServer>[1] & {}>
): Promise<void> {
  const body = (await json(request)) as { model?: string };
  const { baseUrl } = body.model === 'slow' ? slow : fast;
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
  await pipeline(Readable.fromWeb(answer.body as never), response);
}
