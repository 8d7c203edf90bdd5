import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Targets } from './pyodide-attempts.ts';

/** Things of the host that no cell may reach, and what shows that one did. */
export type HostCanaries = AsyncDisposable & {
  /** In the file, in an environment variable and in the greeting of every listener. */
  readonly canary: string;
  readonly targets: Targets;
  /** Where connections were made to. */
  readonly connections: string[];
  /** What has appeared in the folder everyone may write to. */
  written(): Promise<string[]>;
};

export async function hostCanaries(): Promise<HostCanaries> {
  const canary = randomBytes(16).toString('hex');
  const root = await mkdtemp(join(tmpdir(), 'threadmill-escapes-'));
  await chmod(root, 0o755);
  const file = join(root, 'canary.json');
  await writeFile(file, JSON.stringify(canary), { mode: 0o644 });
  const folder = join(root, 'writable');
  await mkdir(folder);
  await chmod(folder, 0o777);
  process.env['THREADMILL_ESCAPE_CANARY'] = canary;

  const connections: string[] = [];
  const listen = async (where: { port: number; host: string } | { path: string }) => {
    const server = createServer((socket: Socket) => {
      connections.push(JSON.stringify(where));
      socket.on('error', () => {}).end(canary);
    });
    await once(server.listen(where), 'listening');
    return server;
  };
  const socket = join(root, 'socket');
  const abstract = `threadmill-${canary.slice(0, 8)}`;
  const tcp = await listen({ host: '127.0.0.1', port: 0 });
  const servers: Server[] = [tcp, await listen({ path: socket })];
  await chmod(socket, 0o777);
  if (process.platform === 'linux') servers.push(await listen({ path: `\0${abstract}` }));
  const { port } = tcp.address() as AddressInfo;
  return {
    canary,
    targets: { file, port, socket, abstract, folder },
    connections,
    written: () => readdir(folder),
    async [Symbol.asyncDispose]() {
      servers.forEach((server) => server.close());
      await rm(root, { recursive: true });
    },
  };
}
