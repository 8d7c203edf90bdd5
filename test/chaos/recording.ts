/** Evidence in a file: compressed JSON. */
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import type { Evidence } from './evidence.ts';

export async function writeEvidence(path: string, evidence: Evidence): Promise<void> {
  await writeFile(path, await promisify(gzip)(JSON.stringify(evidence)));
}

export async function readEvidence(path: string): Promise<Evidence> {
  const text = await promisify(gunzip)(await readFile(path));
  return JSON.parse(text.toString('utf8')) as Evidence;
}
