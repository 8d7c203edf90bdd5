/** A TCP proxy between every two parts that talk, so that each way can be disturbed alone. */
import { TcpProxy } from '../../support/tcp-proxy.ts';

/** `from-to`, such as `worker0-postgres`. */
export type Links = ReadonlyMap<string, TcpProxy>;

/** Ports on this computer, by part. */
export type Ports = Readonly<
  Record<'api0' | 'api1' | 'postgres' | 'temporal' | 'sandboxd' | 'model', number>
>;

const WAYS: Readonly<Record<string, (keyof Ports)[]>> = {
  client: ['api0', 'api1'],
  api0: ['postgres', 'temporal'],
  api1: ['postgres', 'temporal'],
  worker0: ['postgres', 'temporal', 'model', 'sandboxd'],
  worker1: ['postgres', 'temporal', 'model', 'sandboxd'],
};

export async function startLinks(ports: Ports): Promise<Links> {
  const names = Object.entries(WAYS).flatMap(([from, list]) => list.map((to) => ({ from, to })));
  return new Map(
    await Promise.all(
      names.map(async ({ from, to }) => {
        const proxy = await TcpProxy.start({ host: '127.0.0.1', port: ports[to] });
        return [`${from}-${to}`, proxy] as const;
      }),
    ),
  );
}

/** Where `from` reaches `to`. */
export function addressOf(links: Links, from: string, to: string): string {
  return `127.0.0.1:${links.get(`${from}-${to}`)!.port}`;
}

/** Everything flows again. */
export function healLink(proxy: TcpProxy): void {
  proxy.stopWatching();
  proxy.delay(0);
  proxy.accept();
  proxy.resume();
}
