/** Processes of the bench and calls between them: one request, one answer, over Node's IPC channel. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type Handlers = Record<string, (...args: never[]) => unknown>;

type Call = { id: number; name: string; args: unknown[] };
type Answer = { id: number; value?: unknown; error?: string };

export type Child<H extends Handlers> = {
  pid: number;
  call<K extends keyof H & string>(
    name: K,
    ...args: Parameters<H[K]>
  ): Promise<Awaited<ReturnType<H[K]>>>;
  stop(): Promise<void>;
};

const STOP_MS = 10_000;

/** Starts `entry` (relative to bench/), which calls `serveCalls`. Its output goes to ours. */
export function startChild<H extends Handlers>(entry: string): Child<H> {
  const path = fileURLToPath(new URL(entry, import.meta.url));
  // A shell's Ctrl-C reaches the children too; they leave when our end of the channel closes.
  const child = fork(path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  child.on('message', ({ id, value, error }: Answer) => {
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(`${entry}: ${error}`));
    waiting.delete(id);
  });
  const exited = new Promise<void>((resolve) => {
    child.on('exit', (code) => {
      for (const one of waiting.values()) one.reject(new Error(`${entry} ended with ${code}.`));
      resolve();
    });
  });
  return {
    pid: child.pid!,
    call(name, ...args) {
      const answer = Promise.withResolvers<unknown>();
      waiting.set(++calls, answer);
      child.send({ id: calls, name, args } satisfies Call);
      return answer.promise as Promise<Awaited<ReturnType<H[typeof name]>>>;
    },
    async stop() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** In the child: answers calls until the parent closes the channel, then tidies up and ends. */
export function serveCalls(handlers: Handlers, onEnd: () => Promise<void>): void {
  process.on('message', ({ id, name, args }: Call) => {
    void (async () => {
      try {
        const value = await handlers[name]!(...(args as never[]));
        process.send?.({ id, value } satisfies Answer);
      } catch (error) {
        process.send?.({ id, error: (error as Error).stack ?? String(error) } satisfies Answer);
      }
    })();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    void onEnd().finally(() => process.exit(0));
  });
}
