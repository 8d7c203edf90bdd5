/** Finds the embedded database of a running npm start, for programs such as npm run keys. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from './error.ts';
import { portAnswers } from './ports.ts';
import { DATABASE, USER } from './postgres/cluster.ts';

/**
 * The URL, or undefined when no server runs on this data.
 * @throws EmbeddedError when this account may not read the recorded state
 */
export async function runningPostgresUrl(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, 'postgres.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new EmbeddedError(
      `${path} cannot be read (${error.code}): use the account that runs npm start, or set DATABASE_URL.`,
    );
  });
  const state = text === undefined ? undefined : parse(text);
  if (state === undefined || !(await portAnswers(state.port))) return undefined;
  return `postgres://${USER}:${state.password}@127.0.0.1:${state.port}/${DATABASE}`;
}

function parse(text: string): { password: string; port: number } | undefined {
  try {
    return JSON.parse(text) as { password: string; port: number };
  } catch {
    return undefined; // incomplete: npm start writes it
  }
}
