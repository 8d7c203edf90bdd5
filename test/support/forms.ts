/** Forms as bytes: for what the clients would not send. */
import { randomUUID } from 'node:crypto';

export type FormPart = { name: string; filename?: string; content: string | Buffer };

/** Parts in the order given, names as they are. */
export function form(...parts: FormPart[]): {
  headers: { 'content-type': string };
  body: Buffer<ArrayBuffer>;
} {
  const boundary = `form-${randomUUID()}`;
  const pieces = parts.flatMap(({ name, filename, content }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"\r\ncontent-type: text/plain`,
    '\r\n\r\n',
    content,
    '\r\n',
  ]);
  const body = Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body };
}
