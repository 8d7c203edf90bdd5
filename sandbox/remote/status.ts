/** Asks sandboxd for its status at intervals, because it may be replaced, or go away, at any time. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { KernelStartError } from '../backend.ts';
import type { SandboxStatus } from '../sandbox.ts';
import type { RemoteOptions } from './client.ts';
import { fetchStatus } from './client.ts';

export type StatusWatch = Disposable & {
  readonly status: SandboxStatus;
  /** Kernels that sandboxd has for all its workers together, if it has answered. */
  readonly maxKernels: number | undefined;
};

const FIRST_PATIENCE_MS = 5_000;
const RETRY_MS = 250;
const REFRESH_MS = 15_000;
const MAX_ENTRIES = 500;
const MAX_TEXT = 500;

/** Resolves when sandboxd has answered, or has not for a while: the status then says so until it answers. */
export async function watchStatus(options: RemoteOptions): Promise<StatusWatch> {
  const stop = new AbortController();
  const deadline = performance.now() + (options.patienceMs ?? FIRST_PATIENCE_MS);
  let known = await askOnce(options, stop.signal);
  while (!known.reached && performance.now() < deadline) {
    await pause(RETRY_MS);
    known = await askOnce(options, stop.signal);
  }
  const timer = setInterval(() => {
    void askOnce(options, stop.signal).then((answer) => (known = answer));
  }, REFRESH_MS).unref();
  return {
    get status() {
      return known.status;
    },
    get maxKernels() {
      return known.maxKernels;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
    },
  };
}

type Known = { reached: boolean; status: SandboxStatus; maxKernels?: number };

async function askOnce(options: RemoteOptions, signal: AbortSignal): Promise<Known> {
  try {
    return parse(await fetchStatus(options, signal));
  } catch (error) {
    if (!(error instanceof KernelStartError)) throw error;
    const nothing = { packages: [], guarantees: [] };
    const status = { backend: 'remote', ok: false, reason: error.message, ...nothing } as const;
    return { reached: false, status };
  }
}

/** One line, for a model and for operators. */
const line = z.string().transform((text) => text.slice(0, MAX_TEXT).replace(/\s+/g, ' '));
const lines = z
  .array(line.optional().catch(undefined))
  .transform((all) => all.slice(0, MAX_ENTRIES).filter((each) => each !== undefined));
const absent = <S extends z.ZodType>(schema: S) => schema.optional().catch(undefined);

/** What is not as it should be counts as absent. */
const answerSchema = z.object({
  backend: absent(line),
  ok: z.boolean().catch(false),
  reason: absent(line),
  packages: lines.catch([]),
  guarantees: lines.catch([]),
  python: absent(line),
  kernels: absent(z.object({ max: z.int().positive() })),
});

function parse(answer: unknown): Known {
  const {
    backend: behind,
    kernels,
    ...told
  } = answerSchema.safeParse(answer).data ?? answerSchema.parse({});
  return {
    reached: true,
    status: { ...told, backend: 'remote', behind },
    maxKernels: kernels?.max,
  };
}
