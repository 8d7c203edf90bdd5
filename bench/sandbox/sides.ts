/** What the sandbox bench compares: kernels of each backend that works here, and a plain Python that speaks the same. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Kernel } from '../../sandbox/backend.ts';
import { chooseBackend } from '../../sandbox/choose-backend.ts';
import { createSandbox, limitsOf } from '../../sandbox/index.ts';
import type { Sandbox, SandboxOptions, SandboxStatus } from '../../sandbox/index.ts';

/** A running Python. Whatever fails throws. */
export type Python = {
  run: (code: string) => Promise<void>;
  save: () => Promise<Buffer>;
  restore: (blob: Buffer) => Promise<void>;
  stop: () => Promise<void>;
};

export type Side = {
  name: string;
  status?: SandboxStatus;
  start(): Promise<Python>;
  /** A new Python that makes a checkpoint after each cell, as a worker has it do; nobody stores it. */
  startSession(): Promise<Pick<Python, 'run' | 'stop'>>;
  close(): Promise<void>;
};

const OPTIONS = { python: '/usr/bin/python3', cellSoftSeconds: 60, cellHardSeconds: 70 };
const MAX_SNAPSHOT_BYTES = 128 * 2 ** 20;

/** Undefined, with the reason on the terminal, where this computer cannot. */
export async function backendSide(backend: SandboxOptions['backend']): Promise<Side | undefined> {
  const options = { ...OPTIONS, backend };
  const limits = limitsOf(options);
  const { status, open } = await chooseBackend(options, limits);
  if (open === undefined) {
    console.log(`  ${backend} is left out: ${status.reason}`);
    return undefined;
  }
  const opened = await open(limits);
  const sandbox = await createSandbox(options);
  return {
    name: backend,
    status,
    start: async () => asPython(await opened.start()),
    startSession: () => Promise.resolve(sessionOf(sandbox)),
    close: async () => sandbox[Symbol.asyncDispose](),
  };
}

function sessionOf(sandbox: Sandbox): Pick<Python, 'run' | 'stop'> {
  const interpreterId = randomUUID();
  let cells = 0;
  return {
    async run(code) {
      const { status, outputs } = await sandbox.runCell({
        interpreterId,
        owner: 'bench',
        code,
        version: cells === 0 ? null : String(cells),
        load: () => Promise.reject(new Error('The session was lost.')),
        inputs: [],
        nextVersion: String(++cells),
        save: () => Promise.resolve(),
      });
      if (status !== 'ok') {
        throw new Error(`A cell ended with ${status}: ${JSON.stringify(outputs)}`);
      }
    },
    stop: () => sandbox.dropInterpreter(interpreterId),
  };
}

function asPython(kernel: Kernel): Python {
  return {
    async run(code) {
      const { status, outputs } = await kernel.run(code);
      if (status !== 'ok') {
        throw new Error(`A cell ended with ${status}: ${JSON.stringify(outputs)}`);
      }
    },
    async save() {
      const { blob, unsaved } = await kernel.snapshot(MAX_SNAPSHOT_BYTES);
      if (unsaved.length > 0 || !Buffer.isBuffer(blob)) {
        throw new Error(`Not saved: ${unsaved.join(', ')}`);
      }
      return blob;
    },
    async restore(blob) {
      const { failed } = await kernel.restore(blob);
      if (failed.length > 0) throw new Error(`Not restored: ${failed.join(', ')}`);
    },
    stop: () => kernel.kill('The bench has ended.'),
  };
}

const PLAIN = fileURLToPath(new URL('plain.py', import.meta.url));

/** The system's own Python, as the sandbox uses it. */
export function plainSide(): Side {
  return {
    name: 'plain',
    start: startPlain,
    async startSession() {
      const { run, save, stop } = await startPlain();
      return { run: async (code) => void (await run(code), await save()), stop };
    },
    close: () => Promise.resolve(),
  };
}

async function startPlain(): Promise<Python> {
  const env = { PATH: '/usr/bin:/bin', MPLBACKEND: 'Agg', OPENBLAS_NUM_THREADS: '1' };
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const python = plainPython(spawn(OPTIONS.python, ['-I', PLAIN], { env, stdio: [...stdio] }));
  await python.run(''); // it has started once it answers
  return python;
}

function plainPython(child: ChildProcess): Python {
  const stdin = child.stdin!;
  let received: Buffer[] = [];
  let size = 0;
  let waiting: PromiseWithResolvers<Buffer> | undefined;
  child.stdout!.on('data', (chunk: Buffer) => {
    received.push(chunk);
    size += chunk.length;
    if (size < 5) return;
    const first = received[0]!.length >= 5 ? received[0]! : Buffer.concat(received);
    if (size < 5 + first.readUInt32BE(1)) return;
    const whole = Buffer.concat(received);
    [received, size] = [[], 0];
    waiting?.resolve(whole);
  });
  const ask = async (kind: string, body: Buffer): Promise<Buffer> => {
    waiting = Promise.withResolvers();
    const head = Buffer.alloc(5);
    head.write(kind, 'latin1');
    head.writeUInt32BE(body.length, 1);
    stdin.write(Buffer.concat([head, body]));
    const answer = await waiting.promise;
    if (answer[0] !== 'k'.charCodeAt(0)) throw new Error(answer.subarray(5).toString());
    return answer.subarray(5);
  };
  return {
    run: async (code) => void (await ask('x', Buffer.from(code))),
    save: () => ask('s', Buffer.alloc(0)),
    restore: async (blob) => void (await ask('r', blob)),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
