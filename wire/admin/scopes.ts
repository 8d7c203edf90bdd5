/** Scopes of API keys, and the key behind a request. docs/keys.md says which operations each scope opens. */
import type { KeyId, ProjectId } from '../ids.ts';
import type { Limits } from './project-limits.ts';

export const SCOPES = ['read', 'run', 'files', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Of a key that is made without naming scopes: everything in its own project. `admin` is server-wide. */
export const DEFAULT_SCOPES: readonly Scope[] = ['read', 'run', 'files'];

export type Caller = {
  project: ProjectId;
  key: KeyId;
  scopes: readonly Scope[];
  /** Those that were set. */
  limits: { project: Limits; key: Limits };
  /** By the project. */
  storedBytes: number;
};

/** The scope that an operation needs unless its declaration names another. `path` is below /v1. */
export function scopeOf(method: string, path: string): Scope {
  if (path.startsWith('/threadmill/')) return 'admin';
  if (method === 'get' || method === 'head') return 'read';
  return /^\/(files|uploads)(\/|$)/.test(path) ? 'files' : 'run';
}
