/** Reads the values of settings, for config.ts. A wrong one is a ConfigError whose message names the variable and the remedy. */
import { readFileSync } from 'node:fs';

export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** How one model id is served. `upstream_model` defaults to the id itself. */
export type ModelEntry = {
  id: string;
  base_url?: string | undefined;
  /** Name of the environment variable that holds the key, so that the file itself carries no secret. */
  api_key_env?: string | undefined;
  upstream_model?: string | undefined;
  context_window?: number | undefined;
  /**
   * False: the model takes no images, and reads a line of text in their place. True: it is shown those of earlier answers
   * too. Absent: those that users send.
   */
  vision?: boolean | undefined;
};

/** A Unix socket, or a host and a port. */
export type SandboxdAddress = { path: string } | { host: string; port: number };

export function integer(
  name: string,
  value: string | undefined,
  fallback: number,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < min || parsed > max) {
    throw new ConfigError(
      `${name} must be a whole number from ${min} to ${max}, but is '${value}'.`,
    );
  }
  return parsed;
}

export function optionalInteger(
  name: string,
  value: string | undefined,
  min: number,
  max: number,
): number | undefined {
  return value === undefined ? undefined : integer(name, value, min, min, max);
}

export function bytes(name: string, value: string | undefined, fallback: number): number {
  return integer(name, value, fallback, 1);
}

export function oneOf<const T extends string>(
  name: string,
  value: string,
  allowed: readonly T[],
): T {
  const match = allowed.find((candidate) => candidate === value);
  if (match === undefined)
    throw new ConfigError(`${name} must be one of ${allowed.join(', ')}, but is '${value}'.`);
  return match;
}

export function httpUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new ConfigError(`${name} must be an http or https URL such as http://127.0.0.1:8000/v1.`);
  }
  return value.replace(/\/+$/, '');
}

/** `*`, or origins as browsers send them: a scheme, a host, and a port unless it is the scheme's own. */
export function origins(name: string, value = ''): string[] {
  const list = value.split(',').map((origin) => origin.trim().replace(/\/$/, '').toLowerCase());
  for (const origin of list) {
    if (!/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s*]+|)$/.test(origin))
      throw new ConfigError(
        `${name} must be * or a list such as https://app.example.com,http://localhost:3000, but names '${origin}'.`,
      );
  }
  return list.filter((origin) => origin !== '');
}

export function sandboxdAddress(
  name: string,
  value = 'unix:/run/threadmill/sandboxd.sock',
): SandboxdAddress {
  const path = /^unix:(\/.+)$/.exec(value)?.[1];
  if (path !== undefined) return { path };
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.port === '') {
    throw new ConfigError(`${name} must look like unix:/path/of/a/socket or http://host:port.`);
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

/** The value is never echoed: it holds a password. */
export function postgresUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!URL.canParse(value) || !/^postgres(ql)?:$/.test(new URL(value).protocol)) {
    throw new ConfigError(`${name} must look like postgres://user:password@host:5432/database.`);
  }
  return value;
}

export function readModelsFile(path: string | undefined): ModelEntry[] {
  if (path === undefined) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`MODELS_FILE ${path} could not be read: ${(error as Error).message}`);
  }
  const list = (parsed as { models?: unknown }).models;
  if (!Array.isArray(list))
    throw new ConfigError(`MODELS_FILE ${path} must hold {"models": [{"id": …}]}.`);
  return list.map((entry: unknown, index) => {
    const { id, base_url, api_key_env, upstream_model, context_window, vision } =
      entry as ModelEntry;
    if (typeof id !== 'string' || id === '')
      throw new ConfigError(`MODELS_FILE ${path}: models[${index}].id is missing.`);
    if (
      context_window !== undefined &&
      (!Number.isInteger(context_window) || context_window < 1_024)
    ) {
      throw new ConfigError(
        `MODELS_FILE ${path}: models[${index}].context_window must be at least 1024.`,
      );
    }
    if (vision !== undefined && typeof vision !== 'boolean')
      throw new ConfigError(`MODELS_FILE ${path}: models[${index}].vision must be true or false.`);
    return {
      id,
      base_url: httpUrl(`models[${index}].base_url`, base_url),
      api_key_env,
      upstream_model,
      context_window,
      vision,
    };
  });
}
