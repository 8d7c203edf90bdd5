/** The engine of this computer: Docker, else podman with podman-compose from PyPI. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually } from '../support/durable-run.ts';
import { pythonWith } from '../support/python.ts';
import { ROOT } from '../deploy/compose-file.ts';

const run = promisify(execFile);
const PROJECT = 'threadmill-test';
export const LABEL = `label=com.docker.compose.project=${PROJECT}`;
const FILES = [
  'docker-compose.yml',
  'deploy/compose/many-apis.yml',
  'deploy/backup/compose.yml',
  'test/compose/override.yml',
];

export type Engine = {
  name: 'docker' | 'podman';
  /** A command of the engine itself. */
  engine: (...args: string[]) => Promise<string>;
  /** A command of compose for the project. */
  compose: (...args: string[]) => Promise<string>;
};

/** @throws Error when there is no engine */
export async function findEngine(folder: string): Promise<Engine> {
  const files = FILES.flatMap((file) => ['--file', file]);
  const project = ['--project-name', PROJECT, '--profile', 'proxy', ...files];
  const program = (command: string[]) => commands(command, folder);
  const docker = program(['docker']);
  const found = await docker('info', '--format', '{{.ServerVersion}}').then(
    (version) => version.trim() !== '',
    () => false,
  );
  if (found) {
    return { name: 'docker', engine: docker, compose: program(['docker', 'compose', ...project]) };
  }
  const podman = program(['podman']);
  await podman('version').catch((error: Error) => {
    throw new Error(`Neither Docker nor podman runs here: ${error.message}`);
  });
  const python = await pythonWith('podman-compose-1.6.0', ['podman-compose==1.6.0']);
  const compose = program([python, '-m', 'podman_compose', ...project]);
  return { name: 'podman', engine: podman, compose };
}

/** Settings of podman for a computer without systemd and registry; see test/compose/stand-ins/. */
function environment(): NodeJS.ProcessEnv {
  if (existsSync('/run/systemd/system')) return process.env;
  const file = (name: string) => join(ROOT, 'test/compose/stand-ins', name);
  return {
    CONTAINERS_CONF: file('containers.conf'),
    CONTAINERS_REGISTRIES_CONF: file('registries.conf'),
    ...process.env,
  };
}

function commands([file, ...first]: string[], cwd: string) {
  return async (...args: string[]): Promise<string> => {
    const options = { cwd, maxBuffer: 2 ** 26, env: environment() };
    const { stdout } = await run(file!, [...first, ...args], options);
    return stdout;
  };
}

/** The containers of a service in the order of their numbers, also those that have ended. */
export async function containersOf({ engine }: Engine, service: string): Promise<string[]> {
  const labels = [`com.docker.compose.project=${PROJECT}`, `com.docker.compose.service=${service}`];
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const names = await engine('ps', '--all', ...filters, '--format', '{{.Names}}');
  return names.split('\n').filter(Boolean).toSorted();
}

/** Resolves once the container is healthy, or has ended well if it runs once. */
export async function ready({ name, engine }: Engine, container: string): Promise<void> {
  const format =
    '{{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{end}}';
  await eventually(async () => {
    // Without systemd podman leaves the checks to whoever asks for them.
    if (name === 'podman') await engine('healthcheck', 'run', container).catch(() => '');
    const state = (await engine('inspect', '--format', format, container)).trim();
    if (/^(?:exited 0\b|running 0(?: healthy)?$)/.test(state)) return;
    throw new Error(`${container} is ${state}: ${await engine('logs', '--tail', '20', container)}`);
  });
}
