/**
 * A form with one file, stored while it arrives: fields may come before or after it. Until the whole form was read and its
 * request answered, the blob belongs to nobody; whatever goes wrong in between deletes it.
 */
import type { IncomingMessage } from 'node:http';

import { Busboy } from '@fastify/busboy';
import type { BusboyFileStream } from '@fastify/busboy';
import type { Request, Response } from 'express';

import type { StoredBlob } from '../../db/blobs/blobs.ts';
import { deleteBlob } from '../../db/blobs/blobs.ts';
import type { Quota } from '../../db/blobs/write-blob.ts';
import { BlobTooLargeError, writeBlob } from '../../db/blobs/write-blob.ts';
import type { Pool } from '../../db/core/pool.ts';
import { inProject } from '../../db/core/row-scope.ts';
import { invalidRequest } from '../../wire/errors/errors.ts';
import {
  emptyFile,
  fileTooLarge,
  notAForm,
  unreadableForm,
} from '../../wire/errors/file-errors.ts';
import { unsupportedEncoding } from '../../wire/errors/http-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { unknownParameter } from '../../wire/requests/zod-errors.ts';
import { projectOf } from './auth.ts';

/** What the form's other parts, its headers and boundaries may take. */
const OVERHEAD_BYTES = 256 * 1024;
const LIMITS = {
  parts: 20,
  files: 2,
  fields: 16,
  fieldSize: 4_096,
  headerPairs: 20,
  headerSize: 32_768,
};

/** A sender that is silent for so long has gone. */
const SILENCE_MS = 60_000;
/** After a refusal the rest is read and thrown away, so that the sender gets to see the answer; for so long at most. */
const DRAIN_MS = 10_000;

type FormFile = { filename: string | undefined; blob: StoredBlob };
export type StoredForm = { fields: [name: string, value: string][]; file: FormFile | undefined };

/** `field` is the file's name in the form. */
export type FormOptions = {
  pool: Pool;
  field: string;
  maxBytes: number;
  /** Of the project; undefined: the file counts for none. */
  quotaBytes?: number | undefined;
};

/** Thrown into the reader when the client went away; nobody is left to see it. */
class FormCutError extends Error {
  override name = 'FormCutError';
}

/**
 * Reads and stores the form, then answers with what `use` makes of it. The blob stays only if `use` succeeds.
 * @throws ApiError 400, 413
 */
export async function withStoredForm<T>(
  request: Request,
  response: Response,
  options: FormOptions,
  use: (form: StoredForm) => Promise<T>,
): Promise<T> {
  liftBodyDeadline(response);
  const form = await readForm(request, projectOf(response), options);
  try {
    if (form.file?.blob.bytes === 0) throw emptyFile(options.field);
    return await use(form);
  } catch (error) {
    if (form.file !== undefined) await deleteBlob(options.pool, form.file.blob.id).catch(() => {});
    throw error;
  }
}

/** A form may take longer than other bodies, as long as it does not stand still. */
export function liftBodyDeadline(response: Response): void {
  clearTimeout(response.locals.bodyDeadline as NodeJS.Timeout | undefined);
}

async function readForm(
  request: IncomingMessage,
  projectId: ProjectId,
  { pool, field, maxBytes, quotaBytes }: FormOptions,
): Promise<StoredForm> {
  const mostBytes = maxBytes + OVERHEAD_BYTES;
  const options = { maxBytes, quota: quotaOf(request, quotaBytes) };
  const busboy = openParser(request);
  const fields: StoredForm['fields'] = [];
  let stream: BusboyFileStream | undefined;
  let storing: Promise<FormFile> | undefined;
  let received = 0;

  const ended = new Promise<void>((resolve, reject) => {
    busboy.on('field', (name, value, _nameCut, cut) => {
      if (cut) {
        reject(
          invalidRequest(`Invalid '${name}': too long.`, { code: 'invalid_value', param: name }),
        );
      }
      fields.push([name, value]);
    });
    busboy.on('file', (name, file, filename: string | undefined) => {
      file.on('error', () => {}); // Its reader sees it too.
      if (name !== field || stream !== undefined) {
        file.resume();
        reject(unknownParameter([name]));
        return;
      }
      stream = file;
      // The parser's events come from the socket, which has no scope.
      const store = () => writeBlob(pool, projectId, file, options);
      storing = inProject(projectId, store).then((blob) => ({ filename, blob }));
      storing.catch(reject);
    });
    onUnreadable(busboy, reject);
    busboy.on('finish', resolve);
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > mostBytes) reject(fileTooLarge(maxBytes));
    });
    request.on('close', () => {
      if (!request.complete) reject(new FormCutError('The client went away.'));
    });
    if (declaredBytes(request) > mostBytes) reject(fileTooLarge(maxBytes));
  });

  request.socket.setTimeout(SILENCE_MS);
  request.pipe(busboy);
  try {
    await ended;
    return { fields, file: await storing };
  } catch (error) {
    request.unpipe(busboy);
    stream?.destroy(error as Error);
    const stored = await storing?.catch(() => undefined);
    if (stored !== undefined) await deleteBlob(pool, stored.blob.id).catch(() => {});
    drain(request);
    throw error instanceof BlobTooLargeError ? fileTooLarge(maxBytes) : error;
  } finally {
    request.socket.setTimeout(0);
  }
}

/** The file has all of the declared bytes but what the form takes. */
function quotaOf(request: IncomingMessage, bytes: number | undefined): Quota | undefined {
  const expected = declaredBytes(request) - OVERHEAD_BYTES;
  return bytes === undefined ? undefined : { bytes, expected };
}

const declaredBytes = ({ headers }: IncomingMessage) => Number(headers['content-length'] ?? 0);

function onUnreadable(busboy: InstanceType<typeof Busboy>, reject: (error: Error) => void): void {
  for (const event of ['partsLimit', 'fieldsLimit', 'filesLimit']) {
    busboy.on(event, () => reject(unreadableForm('it has too many parts')));
  }
  busboy.on('error', () => reject(unreadableForm('it ends early or is malformed')));
}

function openParser(request: IncomingMessage): InstanceType<typeof Busboy> {
  const type = request.headers['content-type'];
  if (type === undefined || !/^multipart\/form-data\b/i.test(type)) {
    drain(request);
    throw notAForm(type);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    drain(request);
    throw unsupportedEncoding(encoding, ['identity']);
  }
  try {
    // A name is kept as given: it is text to be echoed, never a path.
    return new Busboy({
      headers: { ...request.headers, 'content-type': type },
      limits: LIMITS,
      preservePath: true,
    });
  } catch {
    drain(request);
    throw unreadableForm('its content type names no boundary');
  }
}

/** Reads the rest of a refused request and throws it away. */
export function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.once('close', () => clearTimeout(timer)).resume();
}

/** Whether the request was cut by its sender. */
export function isCut(error: unknown): boolean {
  return error instanceof FormCutError;
}
