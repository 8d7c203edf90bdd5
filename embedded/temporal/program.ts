/** Finds a `temporal` program: on PATH, else the build in the cache, else a new build with Go. */
import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cacheDir } from '../files.ts';
import { EmbeddedError } from '../error.ts';
import { run } from '../processes.ts';
import type { Reporting } from '../reporting.ts';
import { buildTemporal } from './build.ts';
import { atLeast } from './version.ts';

/** `version` is the CLI's, `server` that of the server inside it, which names the database file. */
export type TemporalProgram = { path: string; version: string; server: string };

const MINIMUM = [1, 5] as const;
/** A build from source calls itself 0.0.0-DEV, so its server's version counts: CLI 1.5 contains 1.29. */
const MINIMUM_SERVER = [1, 29] as const;

/**
 * Finds or builds the program. A build takes minutes, once.
 * @throws EmbeddedError that names every way to get the program
 */
export async function findTemporal(reporting: Reporting): Promise<TemporalProgram> {
  const ready = await readyTemporal();
  if (ready !== undefined) return ready;

  const pinned = await pinnedVersion();
  const cached = cachedProgram(pinned);
  const built = await buildTemporal(cached, pinned, reporting);
  if (!built.ok) {
    throw new EmbeddedError(
      `No Temporal server was found: no temporal program (1.5 or newer) on PATH, none at ${cached}, and ${built.reason}; ` +
        `install Go 1.25 or newer or the Temporal CLI, or set TEMPORAL_ADDRESS to a running server.`,
    );
  }
  const program = await tryProgram(cached);
  if (program !== undefined) return program;
  throw new EmbeddedError(
    `The Temporal server built at ${cached} does not run: delete it and start again.`,
  );
}

/** The program, if it needs no build. */
export async function readyTemporal(): Promise<TemporalProgram | undefined> {
  return (await onPath()) ?? (await tryProgram(cachedProgram(await pinnedVersion())));
}

function cachedProgram(version: string): string {
  return join(cacheDir(), 'temporal', version, 'temporal');
}

/** The version that tools/temporal/go.mod pins, such as v1.5.1. */
async function pinnedVersion(): Promise<string> {
  const text = await readFile(new URL('../../tools/temporal/go.mod', import.meta.url), 'utf8');
  const version = /github\.com\/temporalio\/cli (v\S+)/.exec(text)?.[1];
  if (version === undefined) {
    throw new EmbeddedError('tools/temporal/go.mod names no version of github.com/temporalio/cli.');
  }
  return version;
}

async function onPath(): Promise<TemporalProgram | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const program = await tryProgram(join(directory, 'temporal'));
    if (program !== undefined) return program;
  }
  return undefined;
}

/** Reads `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`; undefined when it is missing, broken or too old. */
async function tryProgram(path: string): Promise<TemporalProgram | undefined> {
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!executable) return undefined;
  const { stdout } = await run(path, ['--version']);
  const [, version, server] = /version (\S+) \(Server ([\d.]+)/.exec(stdout) ?? [];
  if (version === undefined || server === undefined) return undefined;
  const newEnough = version.startsWith('0.0.0')
    ? atLeast(server, MINIMUM_SERVER)
    : atLeast(version, MINIMUM);
  return newEnough ? { path, version, server } : undefined;
}
