/**
 * A form on its way to a model server. It is held back only until its `model` has come, which may be behind the file; then
 * it is passed on as it arrives, with the model's name at its server in place of the caller's.
 */
import type { Request, Response } from 'express';

import { invalidRequest } from '../../wire/errors/errors.ts';
import { fileTooLarge, unreadableForm } from '../../wire/errors/file-errors.ts';
import { drain, liftBodyDeadline } from '../http/multipart.ts';
import type { AskedBody } from './asked-json.ts';

/** How much of a form is held: more than OpenAI takes of a recording. */
const HELD_BYTES = 32 * 1024 * 1024;
/** Longer than the part that names the model. */
const PART_BYTES = 4_096;
/** In ms. A sender that is silent for so long has gone. */
const SILENCE_MS = 60_000;

type Place = { model: string | undefined; start: number; end: number };
type Chunks = AsyncIterableIterator<Buffer>;

/** @throws ApiError 400, 413 */
export async function withOpenForm(
  request: Request,
  response: Response,
  maxBytes: number,
  use: (form: AskedBody) => Promise<void>,
): Promise<void> {
  liftBodyDeadline(response);
  request.socket.setTimeout(SILENCE_MS);
  request.once('end', () => request.socket.setTimeout(0));
  const chunks: Chunks = request.iterator({ destroyOnReturn: false });
  try {
    const declared = Number(request.headers['content-length'] ?? NaN);
    if (declared > maxBytes) throw fileTooLarge(maxBytes);
    const boundary = boundaryOf(request.headers['content-type']);
    const { held, place } = await holdUntilModel(chunks, boundary);
    await use({
      names: { model: place.model },
      write: (name) => {
        const written = Buffer.from(nameModel(name, place, boundary));
        const length = declared + written.length - (place.end - place.start);
        const start = [held.subarray(0, place.start), written, held.subarray(place.end)];
        return {
          headers: {
            'content-type': request.headers['content-type']!,
            ...(!Number.isNaN(length) && { 'content-length': String(length) }),
          },
          body: passChunks(Buffer.concat(start), chunks, maxBytes),
        };
      },
    });
  } catch (error) {
    // A client that has gone in the middle of its form is not answered.
    if (request.errored === null) throw error;
  } finally {
    void chunks.return?.();
    drain(request);
  }
}

/** In place of the caller's; '' when there is neither. */
function nameModel(name: string, { model }: Place, boundary: string): string {
  if (name === '' || model !== undefined) return name;
  return `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${name}\r\n`;
}

async function* passChunks(
  start: Buffer,
  chunks: Chunks,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  yield start;
  let passed = start.length;
  for await (const chunk of chunks) {
    passed += chunk.length;
    if (passed > maxBytes) throw fileTooLarge(maxBytes);
    yield chunk;
  }
}

async function holdUntilModel(
  chunks: Chunks,
  boundary: string,
): Promise<{ held: Buffer; place: Place }> {
  const held: Buffer[] = [];
  let length = 0;
  let recent = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return { held: Buffer.concat(held), place: { model: undefined, start: 0, end: 0 } };
    held.push(value);
    length += value.length;
    recent = Buffer.concat([recent.subarray(-PART_BYTES), value]);
    const place = findModel(recent, boundary, length - recent.length);
    if (place !== undefined) return { held: Buffer.concat(held), place };
    if (length > HELD_BYTES) {
      throw invalidRequest(
        `The form's 'model' must come before a file of more than ${HELD_BYTES} bytes.`,
        { code: 'missing_required_parameter', param: 'model' },
      );
    }
  }
}

/** `offset`: where the bytes begin in the form. */
function findModel(bytes: Buffer, boundary: string, offset: number): Place | undefined {
  const line = '[^\\r\\n]{1,500}\\r\\n';
  const edge = `--${boundary.replaceAll(/\W/g, '\\$&')}`;
  const parts = new RegExp(
    `${edge}\\r\\n((?:${line}){1,8})\\r\\n([^\\r\\n]{0,1000})(?=\\r\\n${edge})`,
    'g',
  );
  for (const { 0: part, 1: headers, 2: value, index } of bytes.toString('latin1').matchAll(parts)) {
    if (!/^content-disposition:.*;\s*name="?model"?\s*(?:;|$)/im.test(headers!)) continue;
    const end = offset + index + part.length;
    const model = Buffer.from(value!, 'latin1').toString();
    return { model, start: end - value!.length, end };
  }
  return undefined;
}

function boundaryOf(contentType = ''): string {
  const match = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw unreadableForm('its content type names no boundary');
  return boundary;
}
