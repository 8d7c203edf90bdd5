/** A JSON body on its way to a model server. */
import { invalidRequest } from '../../wire/errors.ts';
import type { Passage } from './upstream.ts';

/** Fields whose strings are not read by the model: names, and sounds and images as base64. */
const NO_TEXT = new Set(['model', 'data', 'encrypted_content']);

export type AskedBody = {
  /** The fields that name something; not checked. */
  names: { model?: unknown; previous_response_id?: unknown };
  /** What is sent, with `model` as the server calls it; '' leaves out what the caller left out. */
  write: (model: string) => Pick<Passage, 'headers' | 'body'> & { texts?: string[] };
};

/** @throws ApiError 400 */
export function askedJson(body: unknown = {}): AskedBody {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('Invalid request body: expected an object.');
  }
  const { model, previous_response_id }: AskedBody['names'] = body;
  const names = { model, previous_response_id };
  return { names, write: (name) => write(name === '' ? body : { ...body, model: name }) };
}

/** Always written anew: where a field comes twice, the server reads the value that was read here. */
function write(body: object): ReturnType<AskedBody['write']> {
  const texts: string[] = [];
  const collect = (key: string, value: unknown) => {
    if (typeof value === 'string' && !NO_TEXT.has(key) && !value.startsWith('data:')) {
      texts.push(value);
    }
    return value;
  };
  try {
    const written = Buffer.from(JSON.stringify(body, collect));
    return { headers: { 'content-type': 'application/json' }, body: written, texts };
  } catch {
    throw invalidRequest('Invalid request body: arrays and objects are nested too deep.');
  }
}
