/** Runs a client program of ours as a newcomer does: with nothing but the base URL and the key. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { pythonWithOpenai } from '../support/python.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the Python client prints about the whole API, each with the source line that it complains about. */
const DEPRECATION =
  /^.*\.py:\d+: DeprecationWarning: (?:deprecated|The Assistants API is deprecated in favor of the Responses API)\n {2}.*\n/gm;

export type Server = { baseUrl: string; apiKey: string };
export type Outcome = {
  code: number | null;
  stdout: string;
  /** How many pieces the output came in. */
  pieces: number;
  /** Without the known deprecation warnings. */
  stderr: string;
};

/** Runs a .py or .ts file, named from the root of the checkout, to its end. */
export async function runProgram(
  path: string,
  { baseUrl, apiKey }: Server,
  args: string[] = [],
): Promise<Outcome> {
  const program = path.endsWith('.py') ? await pythonWithOpenai() : process.execPath;
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey };
  const child = spawn(program, [path, ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: Outcome = { code: null, stdout: '', pieces: 0, stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.stdout += text;
    outcome.pieces++;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text));
  const [code] = await once(child, 'close');
  return {
    ...outcome,
    code: code as number | null,
    stderr: outcome.stderr.replace(DEPRECATION, ''),
  };
}
