/** Sends objects to this server, which keeps their ids. */
import { openAsBlob } from 'node:fs';

import OpenAI from 'openai';

import type { Found } from './source.ts';

type Imported = { created: boolean; imported: Record<string, unknown> };

/** Fields that follow from what this server stores, or from its clock. */
const OWN = ['usage_bytes', 'file_counts', 'status', 'status_details', 'last_error'];
const OF_STORES = [...OWN, 'last_active_at', 'expires_at'];

/** Fields that one object may lose to be taken. */
const MOST_UNKNOWN = 20;

/** `lost` has the fields that were not kept. */
export async function sendObject(
  client: OpenAI,
  given: Found,
): Promise<{ created: boolean; lost: string[] }> {
  const body = structuredClone(given);
  for (let dropped = 0; ; dropped += 1) {
    try {
      const answer = await client.post<Imported>('/threadmill/import', { body });
      const lost = answer.created ? lostOf(given, answer.imported) : [];
      const own = given.object === 'vector_store' ? OF_STORES : OWN;
      return {
        created: answer.created,
        lost: lost.filter((path) => !own.includes(path.split('.')[0]!)),
      };
    } catch (error) {
      const isUnknown =
        error instanceof OpenAI.BadRequestError && error.code === 'unknown_parameter';
      if (!isUnknown || dropped === MOST_UNKNOWN || !remove(body, error.param ?? '')) throw error;
    }
  }
}

/** The content is read while it is sent. */
export async function sendFile(client: OpenAI, given: Found, path: string): Promise<boolean> {
  const body = new FormData();
  for (const name of ['id', 'purpose', 'created_at', 'expires_at']) {
    const value = given[name];
    if (typeof value === 'string' || typeof value === 'number') body.set(name, `${value}`);
  }
  body.set('file', await openAsBlob(path), nameOf(given));
  const { created } = await client.post<Imported>('/threadmill/import/files', { body });
  return created;
}

export const nameOf = ({ filename, id }: Found) => (typeof filename === 'string' ? filename : id);

/** Removes `tools[0].function.x`. Returns whether it was there. */
function remove(body: object, param: string): boolean {
  const path = param.split(/[.[\]]+/).filter((key) => key !== '');
  const last = path.pop();
  let owner: unknown = body;
  for (const key of path) owner = (owner as Record<string, unknown> | undefined)?.[key];
  return last !== undefined && owner && last in Object(owner)
    ? Reflect.deleteProperty(Object(owner) as object, last)
    : false;
}

/** The paths of values that differ. Null and absent are equal. */
function lostOf(given: unknown, stored: unknown, path = ''): string[] {
  if (given === null || given === undefined) return [];
  if (typeof given !== 'object') return given === stored ? [] : [path];
  const kept = Object(stored ?? {}) as Record<string, unknown>;
  return Object.entries(given).flatMap(([key, value]) => {
    const name = Array.isArray(given) ? `${path}[]` : path === '' ? key : `${path}.${key}`;
    return lostOf(value, kept[key], name);
  });
}
