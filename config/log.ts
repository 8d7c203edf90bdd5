/** One structured logger per process. It removes keys, authorization headers and passwords of URLs from its lines. */
import type { Logger } from 'pino';
import { pino } from 'pino';

import type { Config } from './config.ts';
import { describeSetting } from './read-settings.ts';
import { SETTINGS } from './settings.ts';

export type { Logger } from 'pino';

const SECRET_FIELDS = ['authorization', 'api_key', 'password', ...secretSettings()].flatMap(
  (name) => [name, `*.${name}`],
);

export function createLogger(config: Pick<Config, 'logLevel'>): Logger {
  return pino({
    level: config.logLevel,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_FIELDS, censor: '[redacted]' },
    serializers: { err: withoutSecrets },
  });
}

function secretSettings(): string[] {
  const settings = Object.entries(SETTINGS);
  return settings.flatMap(([key, setting]) => (describeSetting(setting).isSecret ? [key] : []));
}

/** An error's text may quote a connection string or a key. */
function withoutSecrets(error: Error): Record<string, unknown> {
  const scrub = (text: string | undefined) =>
    text?.replace(/(\w+:\/\/[^:/\s]+:)[^@\s]+@/g, '$1***@').replace(/\bsk-[\w-]{8,}/g, 'sk-***');
  const { name: type, message, stack, cause } = error;
  const reason = cause instanceof Error ? { cause: scrub(cause.stack) } : {};
  return { type, message: scrub(message), stack: scrub(stack), ...reason };
}
