/** Runs a scenario program, which does everything a client can against a real server, and reads what came of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { createApiKey } from '../../db/projects/api-keys.ts';
import type { Environment } from '../support/environment.ts';
import { scenarioReplies } from './replies.ts';

/** The folder of the programs. */
export const HERE = fileURLToPath(new URL('.', import.meta.url));
/** More than any check asks of one model. */
const RUNS_OF_A_MODEL = 30;

export type Command = { program: string; args: string[]; env?: NodeJS.ProcessEnv; cwd?: string };

export type Client = {
  /** For people and for the names of the scenario's models: `python-2-async`. */
  id: string;
  /** What the client is to pass, no more and no less. */
  checks: readonly string[];
  /** Installs the client. */
  prepare: () => Promise<Command>;
  /** Why this computer cannot run the client, or undefined. */
  missing?: () => Promise<string | undefined>;
};

export type Outcome = {
  code: number | null;
  /** By name: `ok`, or why not. */
  checks: Record<string, string>;
  /** Everything else that was printed, for a person who looks for a reason. */
  other: string;
};

/** `longMs`: how long the model of a slow stream takes. */
export async function runScenario(
  env: Environment,
  client: Client,
  longMs: number,
): Promise<Outcome> {
  for (const [model, reply] of Object.entries(scenarioReplies(longMs))) {
    env.model.script(`${client.id}:${model}`, ...Array<typeof reply>(RUNS_OF_A_MODEL).fill(reply));
  }
  const command = await client.prepare();
  const apiKey = await createApiKey(env.pool, { projectName: client.id, name: 'scenario' });
  return play(command, {
    OPENAI_BASE_URL: `${env.api.url}/v1`,
    OPENAI_API_KEY: apiKey,
    SCENARIO_CLIENT: client.id,
    SCENARIO_LONG_MS: String(longMs),
  });
}

async function play(command: Command, settings: NodeJS.ProcessEnv): Promise<Outcome> {
  const child = spawn(command.program, command.args, {
    cwd: command.cwd ?? HERE,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = stdout.split('\n').map((line) => ({ line, said: CHECK.exec(line)?.groups }));
  const checks = lines.flatMap(({ said }) =>
    said?.name === undefined
      ? []
      : [
          [
            said.name,
            said.reason === undefined ? 'ok' : (JSON.parse(said.reason) as string),
          ] as const,
        ],
  );
  const other = lines.filter(({ said }) => said === undefined).map(({ line }) => line);
  return { code, checks: Object.fromEntries(checks), other: [...other, stderr].join('\n').trim() };
}

const CHECK = /^(?:ok (?<name>\w+)|not ok (?<name>\w+): (?<reason>.*))$/;

/** What `outcome` has to equal, besides `other`. */
export function allPassed({ checks }: Client): Omit<Outcome, 'other'> {
  return { code: 0, checks: Object.fromEntries(checks.map((name) => [name, 'ok'])) };
}
