/** Uploads the lines of a group as a file, a page of them in memory. The official client would need all of them at once. */
import type { ModelServer } from '../model/client.ts';
import { withRefusals } from '../model/client.ts';
import { FILE_TIMEOUT_MS } from './group.ts';

export type Upload = { name: string; bytes: number; lines: AsyncIterable<string> };

/** @returns the id of the file at the model server */
export async function uploadLines(
  { client }: ModelServer,
  { name, bytes, lines }: Upload,
  signal: AbortSignal,
): Promise<string> {
  const boundary = `threadmill-${name}`;
  const field = (disposition: string, rest: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n${rest}`;
  const head =
    field('name="purpose"', '\r\nbatch\r\n') +
    field(`name="file"; filename="${name}"`, 'content-type: application/jsonl\r\n\r\n');
  const tail = `\r\n--${boundary}--\r\n`;
  const encoder = new TextEncoder();
  const content = async function* () {
    yield encoder.encode(head);
    for await (const line of lines) yield encoder.encode(line);
    yield encoder.encode(tail);
  };
  const asked = client.post<{ id: string }>('/files', {
    body: content(),
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(Buffer.byteLength(head) + bytes + Buffer.byteLength(tail)),
    },
    signal,
    timeout: FILE_TIMEOUT_MS,
  });
  return (await withRefusals(asked)).id;
}
