/**
 * A client of any server with OpenAI's `POST /embeddings`. It retries nothing: its caller does, with the delay
 * that the server asked for. What the server says never gets into an error: it may quote the key or the text.
 */
import { pooled } from './pooled.ts';

/** Texts in one request, and their characters: hosted servers take 300,000 tokens, and no text has more than bytes. */
const BATCH_TEXTS = 96;
const BATCH_CHARACTERS = 250_000;
const CONCURRENT_REQUESTS = 4;
const REQUEST_TIMEOUT_MS = 60_000;
/** 96 vectors of 3,072 numbers are about 7 MB of JSON. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

export type EmbedderOptions = {
  /** Without `/embeddings`, as the official clients take it. */
  baseUrl: string;
  apiKey: string;
  model: string;
  dimensions: number | null;
  /** Sends each request with headers on top, and sees its answer: for a span. */
  observe?: (send: (headers: Record<string, string>) => Promise<unknown>) => Promise<unknown>;
};

export type Embedder = {
  model: string;
  /** What the server is asked for; null: the model's own. A server may ignore it, and then its vectors are kept. */
  dimensions: number | null;
  /** One vector of length 1 per text, in order. Throws EmbeddingError, and the signal's reason when it aborts. */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
};

/** The server did not give vectors. The message has no key, no text and nothing the server wrote. */
export class EmbeddingError extends Error {
  override name = 'EmbeddingError';
  readonly retryable: boolean;
  /** What the server asked for, if it did. */
  readonly retryAfterMs?: number;

  constructor(message: string, options: { retryable: boolean; retryAfterMs?: number }) {
    super(message);
    this.retryable = options.retryable;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** At most four requests are under way at once, over all calls of one embedder. */
export function createEmbedder(options: EmbedderOptions): Embedder {
  const url = `${options.baseUrl.replace(/\/+$/, '')}/embeddings`;
  const inPool = pooled(CONCURRENT_REQUESTS);
  return {
    model: options.model,
    dimensions: options.dimensions,
    async embed(texts, signal) {
      signal?.throwIfAborted();
      const failure = new AbortController();
      const stop =
        signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
      const requests = toBatches(texts).map((batch) =>
        inPool(() => embedBatch(url, options, batch, stop)),
      );
      try {
        return sameLength((await Promise.all(requests)).flat());
      } catch (error) {
        failure.abort(error);
        await Promise.allSettled(requests);
        signal?.throwIfAborted();
        throw error;
      }
    },
  };
}

function toBatches(texts: readonly string[]): string[][] {
  const batches: string[][] = [];
  let characters = Infinity;
  for (const text of texts) {
    const batch = batches.at(-1);
    if (batch && batch.length < BATCH_TEXTS && characters + text.length <= BATCH_CHARACTERS) {
      batch.push(text);
      characters += text.length;
    } else {
      batches.push([text]);
      characters = text.length;
    }
  }
  return batches;
}

async function embedBatch(
  url: string,
  { apiKey, model, dimensions, observe = (send) => send({}) }: EmbedderOptions,
  input: string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  signal.throwIfAborted();
  const body = { model, input, ...(dimensions === null ? {} : { dimensions }) };
  const authorization = `Bearer ${apiKey}`;
  const response = await observe((headers) =>
    post(url, { ...headers, authorization }, body, signal),
  );
  return toVectors(response, input.length);
}

/** Resolves to the JSON of a good answer. A redirect is an error: it could carry the key to another host. */
async function post(
  url: string,
  headers: Record<string, string>,
  body: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const deadline = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let text: string;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, deadline]),
    });
    text = await readText(response);
    if (!response.ok) throw fromStatus(response, text);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EmbeddingError) throw error;
    const what = deadline.aborted ? 'did not answer in time' : 'could not be reached';
    throw new EmbeddingError(`The embeddings server ${what}.`, { retryable: true });
  }
  const json = parseJson(text);
  if (json === undefined) throw badAnswer('sent something that is not JSON');
  return json;
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > MAX_RESPONSE_BYTES) throw badAnswer('sent an answer that is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromStatus({ status, headers }: Response, text: string): EmbeddingError {
  const refused = status === 401 || status === 403;
  if (refused) {
    return new EmbeddingError('The embeddings server refused the configured key.', {
      retryable: false,
    });
  }
  if (errorCode(text) === 'insufficient_quota') {
    return new EmbeddingError('The quota of the embeddings server is used up.', {
      retryable: false,
    });
  }
  const retryable = status === 408 || status === 409 || status === 429 || status >= 500;
  const what = status === 429 ? 'is rate limiting' : `answered with status ${status}`;
  const retryAfterMs = retryable ? parseRetryAfter(headers, LONGEST_RETRY_AFTER_MS) : undefined;
  return new EmbeddingError(`The embeddings server ${what}.`, {
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function errorCode(text: string): unknown {
  const error = field(parseJson(text), 'error');
  return field(error, 'code') ?? field(error, 'type');
}

/**
 * How long a server asks to wait, in ms: `retry-after-ms`, as OpenAI sends it, else `retry-after` in seconds or as a date.
 * Undefined for a value that makes no sense; never more than `longestMs`.
 */
export function parseRetryAfter(
  headers: Headers,
  longestMs: number,
  now = Date.now(),
): number | undefined {
  const exact = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  const delay = Number.isNaN(exact) ? delayMs(headers.get('retry-after') ?? '', now) : exact;
  return Number.isFinite(delay) && delay >= 0 ? Math.min(delay, longestMs) : undefined;
}

function delayMs(value: string, now: number): number {
  return /^\s*-?[\d.]+\s*$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
}

/** The vectors in the order of the texts: a server may answer in another one. */
function toVectors(answer: unknown, count: number): Float32Array[] {
  const data = field(answer, 'data');
  if (!Array.isArray(data) || data.length !== count) {
    throw badAnswer('did not send one vector per text');
  }
  const vectors: (Float32Array | undefined)[] = data.map(() => undefined);
  data.forEach((entry: unknown, position) => {
    const index = field(entry, 'index') ?? position;
    if (typeof index !== 'number' || !(index in vectors) || vectors[index] !== undefined) {
      throw badAnswer('did not send one vector per text');
    }
    vectors[index] = normalise(toFloats(field(entry, 'embedding')));
  });
  return vectors.filter((vector) => vector !== undefined);
}

/** Numbers, or base64 of little-endian floats. */
function toFloats(embedding: unknown): Float32Array {
  const numbers = typeof embedding === 'string' ? fromBase64(embedding) : embedding;
  const usable = Array.isArray(numbers) && numbers.length > 0 && numbers.every(Number.isFinite);
  if (!usable) throw badAnswer('sent a vector that is no list of numbers');
  return Float32Array.from(numbers as number[]);
}

function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0) return [];
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

/** Scaled by its largest value first, so that squares of huge or tiny numbers keep within range. Zeros stay zeros. */
function normalise(vector: Float32Array): Float32Array {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (!Number.isFinite(largest)) throw badAnswer('sent a vector that is no list of numbers');
  if (largest === 0) return vector;
  const length = Math.sqrt(vector.reduce((sum, value) => sum + (value / largest) ** 2, 0));
  return vector.map((value) => value / largest / length);
}

function sameLength(vectors: Float32Array[]): Float32Array[] {
  const length = vectors[0]?.length;
  if (vectors.some((vector) => vector.length !== length)) {
    throw badAnswer('sent vectors of different lengths');
  }
  return vectors;
}

/** A server that answers nonsense may be a proxy on its way up: worth another try. */
function badAnswer(what: string): EmbeddingError {
  return new EmbeddingError(`The embeddings server ${what}.`, { retryable: true });
}

function field(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null;
  return isObject && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
