/**
 * Checks the process of this container: `node deploy/healthcheck.ts api | worker | sandboxd` exits with code 0 or 1.
 * The API and sandboxd have health endpoints; Temporal reports when a worker last polled.
 */
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';

import { Connection } from '@temporalio/client';

import { loadConfig } from '../config/config.ts';

const TIMEOUT_MS = 5_000;
/** A poll waits for a task for up to a minute. */
const SILENT_MS = 150_000;
const WORKFLOW_TASK_QUEUE = 1;

const config = loadConfig();

/** The states of the parts; throws unless all of them are ready. */
async function checkApi(): Promise<string> {
  const host = reachable(config.host);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${config.port}/readyz`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const states = await answer.text();
  if (!answer.ok) throw new Error(states);
  return states;
}

/** The state of the sandbox; throws unless it can run code. */
async function checkSandboxd(): Promise<string> {
  const { sandboxdListen: address } = config;
  const way =
    'path' in address
      ? { socketPath: address.path }
      : { ...address, host: reachable(address.host) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    get({ ...way, path: '/healthz', signal, agent: false }, resolve).on('error', reject);
  });
  const state = await text(response);
  if (response.statusCode !== 200) throw new Error(state);
  return state;
}

/** Replaces the address of all interfaces by the loopback address. */
function reachable(host: string): string {
  return /^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host;
}

/** A worker's identity is `<pid>@<host name> threadmill <version>`, and every container has a host name of its own. */
async function checkWorker(): Promise<string> {
  const {
    temporalAddress: address,
    temporalNamespace: namespace,
    temporalSecurity,
    taskQueue,
  } = config;
  if (address === undefined) throw new Error('TEMPORAL_ADDRESS is not set.');
  const connection = await Connection.connect({
    address,
    ...temporalSecurity,
    connectTimeout: TIMEOUT_MS,
  });
  try {
    const { pollers } = await connection.withDeadline(Date.now() + TIMEOUT_MS, () =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: WORKFLOW_TASK_QUEUE,
      }),
    );
    const own = pollers.find(
      ({ identity, lastAccessTime }) =>
        identity?.split(' ')[0]?.endsWith(`@${hostname()}`) &&
        Date.now() - Number(lastAccessTime?.seconds) * 1_000 < SILENT_MS,
    );
    if (own === undefined) throw new Error(`No worker on ${hostname()} polls '${taskQueue}'.`);
    return `${own.identity} polls '${taskQueue}'.`;
  } finally {
    await connection.close();
  }
}

const checks: Record<string, () => Promise<string>> = {
  api: checkApi,
  worker: checkWorker,
  sandboxd: checkSandboxd,
};
const check = checks[process.argv[2] ?? ''];
if (check === undefined) {
  process.stderr.write('Usage: node deploy/healthcheck.ts api | worker | sandboxd\n');
  process.exitCode = 2;
} else {
  try {
    process.stdout.write(`${await check()}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
