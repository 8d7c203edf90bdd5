/** The server that npm run batch talks to: one named by the variables of the official clients, or the running npm start. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import OpenAI from 'openai';

import { loadConfig } from '../../config/config.ts';
import { StartError, reasonOf } from '../serve/start-error.ts';

/** OPENAI_BASE_URL and OPENAI_API_KEY, unless a data directory is named or they are not set. @throws StartError */
export async function connect(dataDir: string | undefined): Promise<OpenAI> {
  const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
  if (dataDir !== undefined || !baseURL) return connectToStart(dataDir);
  if (!apiKey) {
    throw new StartError('Set OPENAI_API_KEY to a key of the server at OPENAI_BASE_URL.');
  }
  return new OpenAI({ baseURL, apiKey });
}

async function connectToStart(named: string | undefined): Promise<OpenAI> {
  const { dataDir, port } = loadConfig(process.env, { 'data-dir': named });
  const path = join(dataDir, 'api-key');
  const key = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new StartError(
      `${path} cannot be read (${reasonOf(error)}): start a server with npm start, name its directory with --data-dir, ` +
        `or set OPENAI_BASE_URL and OPENAI_API_KEY.`,
    );
  });
  return new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: key.trim() });
}

/** Calls `work`. A refusal, and a server that does not answer, become one sentence. */
export async function asking<T>(client: OpenAI, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OpenAI.APIConnectionError) {
      const { cause } = (error.cause ?? error) as Error;
      throw new StartError(
        `The server at ${client.baseURL} does not answer (${reasonOf(cause ?? error)}): ` +
          `start it, or correct OPENAI_BASE_URL or PORT.`,
      );
    }
    if (!(error instanceof OpenAI.APIError)) throw error;
    const { message } = (error.error ?? error) as { message?: string };
    throw new StartError(`The server refused this: ${message ?? error.message}`);
  }
}
