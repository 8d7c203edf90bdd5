/** So many clients at a time, each with one session after another, until the load is told to end. */
import { setTimeout as pause } from 'node:timers/promises';

import type { ClientOptions } from './client.ts';
import { LoadClient } from './client.ts';
import type { Random } from '../random.ts';
import type { Assistants } from './session.ts';
import { runSession } from './session.ts';

export type LoadOptions = ClientOptions & {
  random: Random;
  clients: number;
  assistants: Assistants;
  /** Aborts when no new session is to begin; sessions under way go on. */
  ending: AbortSignal;
};

/** Resolves when the last session is over. */
export async function runLoad(options: LoadOptions): Promise<void> {
  const { clients, ending } = options;
  await Promise.all(
    Array.from({ length: clients }, async (_, at) => {
      for (let session = 0; !ending.aborted; session++) {
        const name = `c${at}s${session}`;
        const client = new LoadClient(options, options.random.fork(name));
        await runSession(client, name, options.assistants);
        await pause(client.random.integer(0, 1_000), undefined, { signal: ending }).catch(() => {});
      }
    }),
  );
}
