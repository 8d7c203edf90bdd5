/** A process that starts before the servers it needs waits for them and logs it. */
import { setTimeout as delay } from 'node:timers/promises';

import { isGrpcServiceError, ServiceError } from '@temporalio/client';

import { isUnavailable } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';

const AGAIN_MS = 1_000;

/** @throws an error that is not an outage, such as a wrong password or an invalid address */
export async function whenThere<T>(
  server: 'PostgreSQL' | 'Temporal',
  log: Logger,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) && !isTemporalAway(error)) throw error;
      log.warn({ reason: (error as Error).message }, `${server} does not answer yet`);
    }
    await delay(AGAIN_MS);
  }
}

const INVALID_ARGUMENT = 3;

/** What the server says of a call that it will never accept. Undefined: the error is another. A worker's connection leaves `details` empty. */
export function refusalOf(error: unknown): string | undefined {
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (!isGrpcServiceError(grpc) || grpc.code !== INVALID_ARGUMENT) return undefined;
  return grpc.details || grpc.message;
}

const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;

/** Whether an error says that the server cannot be reached right now. */
export function isTemporalAway(error: unknown): boolean {
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc)) return [UNAVAILABLE, DEADLINE_EXCEEDED].includes(grpc.code);
  return /TransportError|Connection failed|transport error|connect error/i.test(String(error));
}
