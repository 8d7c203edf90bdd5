/** Builds the `temporal` program that tools/temporal pins, with Go. It takes minutes, once; the result is cached. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmbeddedError } from '../error.ts';
import { environment, run } from '../processes.ts';
import type { Reporting } from '../reporting.ts';
import { atLeast } from './version.ts';

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
const MINIMUM_GO = [1, 25] as const;
const REPORT_EVERY_MS = 5_000;
/** Where Go finds itself, modules, a proxy and certificates. */
const FOR_GO = /^(GO\w+|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR))$/i;

/**
 * Builds into `path`, or returns why the installed Go cannot.
 * @throws EmbeddedError when the build fails
 */
export async function buildTemporal(
  path: string,
  version: string,
  { onProgress = () => {}, signal }: Reporting,
): Promise<{ ok: true } | { ok: false; reason: string }> {
  const env = { ...environment(FOR_GO), CGO_ENABLED: '0' };
  const go = await findGo();
  if (!go.ok) return go;

  onProgress(
    `Building the Temporal server ${version} with Go ${go.version} (once, about 3 minutes)`,
  );
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  const report = progress(await countPackages(env, onProgress, signal), onProgress);
  const flags = ['-v', '-trimpath', '-ldflags', linkerFlags(version), '-o', unfinished];
  const built = await run('go', ['build', ...flags, PACKAGE], {
    cwd: directory(),
    env,
    signal,
    onErrorLine: report,
  });
  if (built.code !== 0) {
    await rm(unfinished, { force: true });
    throw new EmbeddedError(
      `Building the Temporal server failed: ${built.stderr.trim().split('\n').slice(-2).join(' ')} ` +
        `Check the network and free disk space, or put a temporal program (1.5 or newer) on PATH.`,
    );
  }
  await rename(unfinished, path); // atomic: another process may look for it
  return { ok: true };
}

/** The version of an installed Go that can build the program, or why there is none. */
export async function findGo(): Promise<
  { ok: true; version: string } | { ok: false; reason: string }
> {
  const { code, stdout } = await run('go', ['version'], { env: environment(FOR_GO) });
  const version = /go(\d+\.\d+)/.exec(stdout)?.[1];
  if (code !== 0 || version === undefined) return { ok: false, reason: 'no Go to build one' };
  if (atLeast(version, MINIMUM_GO)) return { ok: true, version };
  return { ok: false, reason: `a Go too old to build one (${version})` };
}

function directory(): string {
  return fileURLToPath(new URL('../../tools/temporal/', import.meta.url));
}

function linkerFlags(version: string): string {
  return `-s -w -X github.com/temporalio/cli/temporalcli.Version=${version.slice(1)}`;
}

/** Counts the packages of the program. Go downloads their modules first. */
async function countPackages(
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<number> {
  let modules = 0;
  const say = every(REPORT_EVERY_MS, () => onProgress(`  downloading modules: ${modules}`));
  const onErrorLine = (line: string) => {
    if (line.startsWith('go: downloading')) modules++;
    say();
  };
  const { stdout } = await run('go', ['list', '-deps', PACKAGE], {
    cwd: directory(),
    env,
    signal,
    onErrorLine,
  });
  return stdout.split('\n').length;
}

function progress(total: number, onProgress: (line: string) => void): (line: string) => void {
  let compiled = 0;
  const say = every(REPORT_EVERY_MS, () =>
    onProgress(`  compiled ${compiled} of ${total} packages`),
  );
  return () => {
    compiled++;
    say();
  };
}

/** Calls `report` at most once per interval. */
function every(intervalMs: number, report: () => void): () => void {
  let last = Date.now();
  return () => {
    if (Date.now() - last < intervalMs) return;
    last = Date.now();
    report();
  };
}
