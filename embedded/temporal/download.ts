/**
 * The last way to a `temporal` program: the downloader inside the Temporal SDK, reachable only through
 * @temporalio/testing, which this project does not install. It downloads when a server is started, so one is
 * started and stopped, and the program it left behind is used.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reporting } from '../reporting.ts';

type Testing = {
  TestWorkflowEnvironment: {
    createLocal(options: unknown): Promise<{ teardown(): Promise<void> }>;
  };
};

/** The downloaded program's path, or undefined without the package or without the network. */
export async function downloadTemporal(
  directory: string,
  { onProgress }: Reporting,
): Promise<string | undefined> {
  const name = '@temporalio/testing'; // a variable: the package need not exist for the compiler
  const testing = await (import(name) as Promise<Testing>).catch(() => undefined);
  if (testing === undefined) return undefined;
  onProgress?.('Downloading the Temporal server (once)');
  await mkdir(directory, { recursive: true });
  const executable = { type: 'cached-download', downloadDir: directory };
  const environment = await testing.TestWorkflowEnvironment.createLocal({
    server: { executable },
  }).catch(() => undefined);
  await environment?.teardown();
  const program = (await readdir(directory)).find((entry) => entry.startsWith('temporal'));
  return program === undefined ? undefined : join(directory, program);
}
