/** docker-compose.yml as the engine sees it: anchors merged, variables filled in from `variables`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse } from 'yaml';

import { FORMER_NAMES } from '../../config/read-settings.ts';
import type { Process, Setting } from '../../config/settings.ts';
import { SETTINGS } from '../../config/settings.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Service = {
  image: string;
  build?: { context: string; target: string };
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  restart?: string;
  init?: boolean;
  user?: string;
  privileged?: boolean;
  container_name?: string;
  stop_grace_period?: string;
  security_opt?: string[];
  network_mode?: string;
  secrets?: string[];
};

/** Values of the files in secrets/. */
export const SECRETS = {
  postgres_password: 'owner-secret',
  database_password: 'app-secret',
  temporal_database_password: 'temporal-secret',
  model_api_key: '',
  embeddings_api_key: '',
};

/** The environment of a service with its secrets in `folder`, in place of those that the engine mounts. */
export function withSecretsIn(
  folder: string,
  environment: Record<string, string> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      const secret = /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] as keyof typeof SECRETS | undefined;
      if (secret === undefined) return [name, value];
      writeFileSync(join(folder, secret), `${SECRETS[secret]}\n`);
      return [name, join(folder, secret)];
    }),
  );
}

/** The services that run our image. */
export const OURS = ['migrate', 'api', 'worker', 'sandboxd'] as const;
export type Ours = (typeof OURS)[number];

/** Throws when a variable that the file demands is missing. */
export function readCompose(variables: Record<string, string> = {}): Record<string, Service> {
  const text = readFileSync(`${ROOT}docker-compose.yml`, 'utf8');
  const document: unknown = parse(text, { merge: true });
  return (fill(document, variables) as { services: Record<string, Service> }).services;
}

/** A variable with neither a value in the file nor in `variables` is not passed on. */
function fill(value: unknown, variables: Record<string, string>): unknown {
  if (typeof value === 'string') return interpolate(value, variables);
  if (Array.isArray(value)) return value.map((entry: unknown) => fill(entry, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
      const filled = entry === null ? variables[key] : fill(entry, variables);
      return filled === undefined ? [] : [[key, filled]];
    }),
  );
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?what to do}`. */
function interpolate(text: string, variables: Record<string, string>): string {
  return text.replace(
    /\$\{(\w+)(?:(:[-?])([^}]*))?\}/g,
    (_match, name: string, operator: string | undefined, rest = '') => {
      const value = variables[name];
      if (value) return value;
      if (operator === ':?') throw new Error(`${name}: ${rest}`);
      return rest;
    },
  );
}

/** The variables of config/settings.ts, or those of one process. */
export function variables(process?: Process): string[] {
  return Object.values<Setting>(SETTINGS)
    .filter(({ name }) => !name.startsWith('--'))
    .filter(({ readers }) => process === undefined || readers.includes(process))
    .flatMap(({ name }) => [name, FORMER_NAMES[name] ?? name])
    .filter((name, index, all) => all.indexOf(name) === index);
}
