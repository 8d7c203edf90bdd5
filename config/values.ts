/** The kinds of values that settings have, as schemas of a variable's text. Each message continues the variable's name. */
import { resolve } from 'node:path';

import { z } from 'zod';

/** The message names the variable and the remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** A Unix socket, or a host and a port. */
export type SandboxdAddress = { path: string } | { host: string; port: number };

const MEGABYTE = 1024 * 1024;

export const text = z.string();
/** Neither documents nor error messages show its value. */
export const secret = text.meta({ secret: true });
export const path = text.transform((value) => resolve(value));
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z.coerce.number().int().min(min).max(max);
}

export function megabytes(min: number) {
  return whole(min).transform((count) => count * MEGABYTE);
}

/** Undefined when the variable is not set, which the documents describe by `unset`. */
export function optional<S extends z.ZodType>(schema: S, unset = 'none') {
  return schema.optional().meta({ unset });
}

function url(protocol: RegExp, error: string) {
  const matches = (value: string) => URL.canParse(value) && protocol.test(new URL(value).protocol);
  return text.refine(matches, { error, abort: true });
}

export const postgresUrl = url(
  /^postgres(ql)?:$/,
  'must look like postgres://user:password@host:5432/database',
).meta({ secret: true });

export const httpUrl = url(
  /^https?:$/,
  'must be an http or https URL such as http://127.0.0.1:8000/v1',
)
  .refine((value) => {
    const { username, password, search, hash } = new URL(value);
    return username + password + search + hash === '';
  }, 'must be a URL without user, password, query and fragment')
  .transform((value) => value.replace(/\/+$/, ''));

/** `*`, or origins as browsers send them: a scheme, a host, and a port unless it is the scheme's own. */
export const origins = text.transform((value, context) => {
  const list = value.split(',').map((origin) => origin.trim().replace(/\/$/, '').toLowerCase());
  const wrong = list.find((origin) => !/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s*]+|)$/.test(origin));
  if (wrong !== undefined) {
    context.addIssue(
      `must be * or a list such as https://app.example.com,http://localhost:3000, but names '${wrong}'`,
    );
  }
  return list.filter((origin) => origin !== '');
});

/** Names as Tesseract has them. */
export const languages = text
  .regex(/^([a-z]{3}(_[a-z]+)*(\+(?!$)|$))*$/, 'must be a list such as eng+chi_sim')
  .transform((value) => value.split('+').filter((language) => language !== ''));

/** `0.0.0.0:9464` or `[::1]:9464`. */
export const listenAddress = text.transform((value, context) => {
  const [, host, port] = /^(\[[\d:a-fA-F]+\]|[^:/\s]+):(\d{1,5})$/.exec(value) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    context.addIssue('must look like 127.0.0.1:9464');
    return z.NEVER;
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
});

export const sandboxdAddress = text.transform((value, context): SandboxdAddress => {
  const socket = /^unix:(\/.+)$/.exec(value)?.[1];
  if (socket !== undefined) return { path: socket };
  const address = URL.canParse(value) ? new URL(value) : undefined;
  if (address?.protocol !== 'http:' || address.pathname !== '/' || address.port === '') {
    context.addIssue('must look like unix:/path/of/a/socket or http://host:port');
    return z.NEVER;
  }
  return { host: address.hostname.replace(/^\[|\]$/g, ''), port: Number(address.port) };
});
