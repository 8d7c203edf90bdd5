/** Failures of a start that somebody at a terminal can put right. */
import { MigrationError } from '../../db/core/migrate.ts';
import { ConfigError } from '../../config/config.ts';
import { EmbeddedError } from '../../embedded/temporal/server.ts';

/** The message is one sentence with the remedy. */
export class StartError extends Error {
  override name = 'StartError';
}

/** What to print for a failed start: the sentence of an expected failure, the whole stack of a fault of ours. */
export function describe(error: unknown): string {
  const expected = [StartError, ConfigError, EmbeddedError, MigrationError].some(
    (kind) => error instanceof kind,
  );
  if (expected) return (error as Error).message;
  return `Threadmill failed to start because of a fault of its own:\n${error instanceof Error ? error.stack : String(error)}`;
}

/** The reason of a system or driver error in a few words; a refused connection may come without a message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
