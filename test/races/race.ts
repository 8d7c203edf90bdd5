/** Repeats a race of two requests, each at an API of its own. */
import { setImmediate as turn } from 'node:timers/promises';

import OpenAI from 'openai';

import type { RunningApi } from '../../api/server.ts';
import { Environment } from '../support/environment.ts';

/** `npm run races` makes it 300. */
export const REPEATS = Number(process.env.RACES ?? 20);
/** Races at the same time: enough to keep the computer busy, few enough to meet. */
const AT_ONCE = 10;

export type Arena = AsyncDisposable & {
  env: Environment;
  /** One for each API. */
  clients: [OpenAI, OpenAI];
  apis: [RunningApi, RunningApi];
};

export async function openArena(): Promise<Arena> {
  const env = await Environment.start();
  const second = await env.startApi();
  return {
    env,
    apis: [env.api, second],
    clients: [env.client, env.clientFor(env.apiKey, second)],
    async [Symbol.asyncDispose]() {
      await second.close();
      await env[Symbol.asyncDispose]();
    },
  };
}

/** Runs a race often. It says in its own words how it ended, and with RACES how often each end came is printed. */
export async function repeat(
  name: string,
  race: (number: number) => Promise<string>,
): Promise<void> {
  const counts = new Map<string, number>();
  const numbers = Array.from({ length: REPEATS }, (_, number) => number).values();
  const worker = async () => {
    for (const number of numbers) {
      const outcome = await race(number);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const told = [...counts].map(([outcome, count]) => `${count} × ${outcome}`).join(', ');
  if (process.env.RACES !== undefined) process.stdout.write(`${name}: ${told}\n`);
}

/** Answered, or refused: an error of another kind than a refusal is nobody's right. */
export type Answer<T> = { ok: true; value: T } | { ok: false; status: number; message: string };

/**
 * Sends both, in an order and with a head start that change from race to race: who sends first does not decide.
 * @throws what is not an answer of 2xx or 4xx
 */
export async function both<A, B>(
  number: number,
  left: () => Promise<A>,
  right: () => Promise<B>,
): Promise<[Answer<A>, Answer<B>]> {
  const after = async (turns: number) => {
    for (let n = 0; n < turns; n++) await turn();
  };
  const headStart = number % 8;
  const isLeftFirst = number % 16 < 8;
  return Promise.all([
    after(isLeftFirst ? 0 : headStart).then(() => answerOf(left())),
    after(isLeftFirst ? headStart : 0).then(() => answerOf(right())),
  ]);
}

export async function answerOf<T>(request: Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await request };
  } catch (error) {
    if (!(error instanceof OpenAI.APIError) || error.status === undefined || error.status >= 500) {
      throw error;
    }
    return { ok: false, status: error.status as number, message: error.message };
  }
}
