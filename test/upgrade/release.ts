/** What test/fixtures/releases/<version> holds: a data directory that this version wrote, and what was read from it then. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export const RELEASES = new URL('../fixtures/releases/', import.meta.url);

type OfRun = { thread: string; run: string };

/** Plain JSON, written beside the directory. Times are seconds since 1970. */
export type Recorded = {
  version: string;
  made_at: number;
  /** Answers to GET by path: every object and list, as they were at the end. */
  answers: Record<string, unknown>;
  completed: OfRun;
  /** Waits for outputs of these calls; it has time until the year 2100. */
  parked: OfRun & { calls: string[]; events: string };
  /** The same, but its deadline came while the server was off. */
  overdue: OfRun;
  /** The model was writing when the server was stopped. */
  under_way: OfRun;
  /** Python left variables and a file. */
  code: { thread: string; assistant: string };
  search: { store: string; file: string; failed: string };
  /** Pending, with all its parts. */
  upload: { id: string; parts: string[]; content: string };
  /** Requests with an Idempotency-Key, and their answers. */
  keyed: { key: string; path: string; body: object; answer: unknown }[];
  /** A key of another project, which has one assistant. */
  other: { key: string; assistant: string };
};

export function releases(): string[] {
  return readdirSync(RELEASES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

export async function readRecorded(version: string): Promise<Recorded> {
  return JSON.parse(
    await readFile(new URL(`${version}/recorded.json`, RELEASES), 'utf8'),
  ) as Recorded;
}
