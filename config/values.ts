/** Reads the values of settings, for config/config.ts. A wrong one is a ConfigError whose message names the variable and the remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

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
  if (match === undefined) {
    throw new ConfigError(`${name} must be one of ${allowed.join(', ')}, but is '${value}'.`);
  }
  return match;
}

export function httpUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new ConfigError(`${name} must be an http or https URL such as http://127.0.0.1:8000/v1.`);
  }
  const { username, password, search, hash } = new URL(value);
  if (username + password + search + hash !== '') {
    throw new ConfigError(`${name} must be a URL without user, password, query and fragment.`);
  }
  return value.replace(/\/+$/, '');
}

/** `*`, or origins as browsers send them: a scheme, a host, and a port unless it is the scheme's own. */
export function origins(name: string, value = ''): string[] {
  const list = value.split(',').map((origin) => origin.trim().replace(/\/$/, '').toLowerCase());
  for (const origin of list) {
    if (!/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s*]+|)$/.test(origin)) {
      throw new ConfigError(
        `${name} must be * or a list such as https://app.example.com,http://localhost:3000, but names '${origin}'.`,
      );
    }
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
