/** What every scenario needs: the environment, whose client is recorded, and requests that the client would not send. */
import { randomUUID } from 'node:crypto';

import OpenAI from 'openai';

import { createApiKey } from '../../../db/projects/api-keys.ts';
import type { Environment } from '../../support/environment.ts';
import type { FakeEmbeddings } from '../../support/fake-embeddings.ts';
import type { Recorder } from '../recorder.ts';

export type Scene = {
  env: Environment;
  client: OpenAI;
  embeddings: FakeEmbeddings;
  recorder: Recorder;
};

/** The environment's own client is recorded from here on. */
export function recordedScene(
  env: Environment,
  embeddings: FakeEmbeddings,
  recorder: Recorder,
): Scene {
  env.client = recordedClient(env, recorder, env.apiKey);
  return { env, client: env.client, embeddings, recorder };
}

function recordedClient(env: Environment, recorder: Recorder, apiKey: string): OpenAI {
  const baseURL = `${env.api.url}/v1`;
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, fetch: recorder.fetch });
}

/** A client of a project that has nothing. */
export async function emptyProject({ env, recorder }: Scene): Promise<OpenAI> {
  const projectName = `empty-${randomUUID()}`;
  const apiKey = await createApiKey(env.pool, { projectName, name: 'test' });
  return recordedClient(env, recorder, apiKey);
}

/** `path` begins after `/v1`. A body is sent as JSON. */
export function request(
  { env, recorder }: Scene,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  const headers = { authorization: `Bearer ${env.apiKey}`, 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return recorder.fetch(`${env.api.url}/v1${path}`, { method, headers, ...sent });
}

/** Reads a list page by page to its end. */
export async function readAll<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}
