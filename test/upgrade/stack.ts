/** `npm start` of a checkout on a data directory: for the maker of fixtures and for the tests that start on them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import OpenAI from 'openai';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Stack = {
  client: OpenAI;
  /** Another project's. */
  clientWith(apiKey: string): OpenAI;
  /** As Ctrl-C does. @throws when it does not end well */
  stop(): Promise<void>;
};

export type StackOptions = {
  checkout: string;
  dataDir: string;
  /** With the `/v1`. */
  modelBaseUrl: string;
};

/** Resolves when it is ready. @throws with what it printed when it is not */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { checkout, dataDir } = options;
  const child = spawn(process.execPath, ['bin/start.mjs', '--port', '0', '--data-dir', dataDir], {
    cwd: checkout,
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const baseURL = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const url = /is ready[^]*Base URL +(\S+)/.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
    void ended.then((code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  const clientWith = (apiKey: string) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  return {
    client: clientWith((await readFile(join(dataDir, 'api-key'), 'utf8')).trim()),
    clientWith,
    async stop() {
      child.kill('SIGINT');
      const code = await ended;
      if (code !== 0) throw new Error(`npm start ended with ${code}:\n${output}`);
    },
  };
}

function environment({ modelBaseUrl }: StackOptions): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, MODEL_BASE_URL: modelBaseUrl, LOG_LEVEL: 'warn' };
}
