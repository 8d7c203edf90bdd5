/** The API, the worker and sandboxd as in production: processes of their own that know each other by address alone. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Child } from './child.ts';
import { Child as ChildProcess } from './child.ts';
import type { FakeClock } from './clock.ts';
import { addressOf } from './links.ts';
import type { Links, Ports } from './links.ts';
import { Part } from './part.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/threadmill');
const TOKEN = 'a-token-of-thirty-two-characters-or-more';
/** So that a reader can tell a silent run from a dead connection. */
const KEEP_ALIVE_MS = '5000';

export type ServiceOptions = {
  directory: string;
  ports: Ports;
  links: Links;
  databaseUrl: string;
  /** By part. */
  clocks: ReadonlyMap<string, FakeClock>;
  /** Of a run that does not say. */
  runExpirySeconds: number;
  code: boolean;
  /** Parts that run the code of another checkout. */
  former: ReadonlyMap<string, string>;
};

export function startApi(options: ServiceOptions, name: 'api0' | 'api1'): Part {
  return startService(options, name, 'api/main.ts', 'The API is serving', {
    ...servers(options, name),
    PORT: String(options.ports[name]),
    MODEL_BASE_URL: `http://127.0.0.1:${options.ports.model}/v1`,
    RUN_EXPIRY_SECONDS: String(options.runExpirySeconds),
    STREAM_KEEP_ALIVE_MS: KEEP_ALIVE_MS,
  });
}

export function startWorker(options: ServiceOptions, name: 'worker0' | 'worker1'): Part {
  const { links, code } = options;
  return startService(options, name, 'worker/main.ts', 'The worker is polling', {
    ...servers(options, name),
    MODEL_BASE_URL: `http://${addressOf(links, name, 'model')}/v1`,
    THREADMILL_CACHE_DIR: CACHE,
    SANDBOX: code ? 'remote' : 'none',
    SANDBOX_URL: `http://${addressOf(links, name, 'sandboxd')}`,
    SANDBOX_TOKEN: TOKEN,
  });
}

export function startSandboxd(options: ServiceOptions): Part {
  return startService(options, 'sandboxd', 'sandboxd/main.ts', 'sandboxd is serving', {
    SANDBOX: 'bubblewrap',
    SANDBOXD_LISTEN: `http://127.0.0.1:${options.ports.sandboxd}`,
    SANDBOX_TOKEN: TOKEN,
    SANDBOX_MAX_KERNELS: '8',
  });
}

function servers({ links, databaseUrl }: ServiceOptions, name: string): Record<string, string> {
  const url = new URL(databaseUrl);
  url.host = addressOf(links, name, 'postgres');
  return {
    DATABASE_URL: url.href,
    TEMPORAL_ADDRESS: addressOf(links, name, 'temporal'),
    TEMPORAL_TASK_QUEUE: 'chaos',
  };
}

function startService(
  { directory, clocks, former }: ServiceOptions,
  name: string,
  entry: string,
  readyMessage: string,
  settings: Record<string, string>,
): Part {
  const launch = (): Child => {
    const root = former.get(name) ?? ROOT;
    return new ChildProcess({
      command: process.execPath,
      args: [join(root, entry)],
      cwd: root,
      env: {
        LOG_LEVEL: 'info',
        NODE_COMPILE_CACHE: join(CACHE, 'compiled'),
        ...clocks.get(name)?.environment,
        ...settings,
      },
      logFile: join(directory, `${name}.log`),
    });
  };
  const part = new Part(name, launch, (child) => child.logged(readyMessage));
  part.start();
  return part;
}
