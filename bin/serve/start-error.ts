/** Failures of a start that the user can correct. */
import { MigrationError } from '../../db/core/migrate.ts';
import { ConfigError } from '../../config/config.ts';
import { EmbeddedError } from '../../embedded/temporal/server.ts';

/** The message is one sentence with the remedy. */
export class StartError extends Error {
  override name = 'StartError';
}

/** What `read` finds in a command line. @throws StartError with the sentence of node:util, and where to look */
export function understood<T>(read: () => T, help: string): T {
  try {
    return read();
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new StartError(`${sentence.replace(/\.$/, '')}; ${help}`);
  }
}

/** The text for a failed start: the sentence of an expected failure, or the whole stack of a bug. */
export function describe(error: unknown): string {
  const expected = [StartError, ConfigError, EmbeddedError, MigrationError].some(
    (kind) => error instanceof kind,
  );
  if (expected) return (error as Error).message;
  return `Threadmill failed to start because of a bug:\n${error instanceof Error ? error.stack : String(error)}`;
}

/** The reason of a system or driver error. A refused connection may have a code and no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
