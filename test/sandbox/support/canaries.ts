import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server, AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Things of the host that code in a sandbox must not come near. */
export type Canaries = AsyncDisposable & {
  /** Random; in a file, in an environment variable, and the greeting of three listeners. It must appear in no output. */
  readonly token: string;
  readonly folder: string;
  readonly file: string;
  readonly socket: string;
  readonly abstractName: string;
  /** The environment variable, which no other canaries of this process have. */
  readonly variable: string;
  readonly port: number;
  /** Where somebody connected. */
  readonly connections: string[];
};

export async function openCanaries(): Promise<Canaries> {
  const token = randomBytes(16).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-escapes-'));
  // Only the sandbox stands between it and everybody.
  await chmod(folder, 0o755);
  const file = join(folder, 'canary');
  await writeFile(file, token, { mode: 0o644 });
  const variable = `THREADMILL_ESCAPE_CANARY_${randomBytes(4).toString('hex')}`;
  process.env[variable] = token;
  const connections: string[] = [];
  const listen = async (where: { port: number; host: string } | { path: string }) => {
    const server = createServer((socket: Socket) => {
      connections.push(JSON.stringify(where));
      socket.on('error', () => {}).end(token);
    });
    await once(server.listen(where), 'listening');
    return server;
  };
  const socket = join(folder, 'socket');
  const abstractName = `threadmill-${token.slice(0, 8)}`;
  const tcp = await listen({ host: '127.0.0.1', port: 0 });
  const servers: Server[] = [
    tcp,
    await listen({ path: socket }),
    await listen({ path: `\0${abstractName}` }),
  ];
  await chmod(socket, 0o777);
  return {
    token,
    folder,
    file,
    socket,
    abstractName,
    variable,
    port: (tcp.address() as AddressInfo).port,
    connections,
    async [Symbol.asyncDispose]() {
      delete process.env[variable];
      servers.forEach((server) => server.close());
      await rm(folder, { recursive: true });
    },
  };
}
