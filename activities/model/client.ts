/** Where a model id is served. One client per server; Temporal owns retries, so the clients have none. */
import OpenAI from 'openai';

import type { ModelTarget } from '../../config.ts';

export type ModelServers = {
  /** Undefined when no server is configured for the model. */
  resolve(model: string): { client: OpenAI; target: ModelTarget } | undefined;
};

/** Longest wait for the first byte of an answer. */
const CONNECT_TIMEOUT_MS = 120_000;

export function createModelServers(
  targetOf: (model: string) => ModelTarget | undefined,
): ModelServers {
  const clients = new Map<string, OpenAI>();
  return {
    resolve(model) {
      const target = targetOf(model);
      if (target === undefined) return undefined;
      const key = `${target.baseUrl} ${target.apiKey}`;
      const client = clients.get(key) ?? createClient(target);
      clients.set(key, client);
      return { client, target };
    },
  };
}

/** Organization and project are set apart from the environment, which belongs to this server's own clients. */
function createClient(target: ModelTarget): OpenAI {
  return new OpenAI({
    baseURL: target.baseUrl,
    apiKey: target.apiKey,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: CONNECT_TIMEOUT_MS,
    // A redirect would carry the key to wherever the server points.
    fetchOptions: { redirect: 'error' },
  });
}
