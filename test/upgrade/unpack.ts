/** A data directory of a release, unpacked where this computer's user may start on it, and made as young as it was. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';

import pg from 'pg';

import { chooseAccount } from '../../embedded/postgres/account.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import type { Recorded } from './release.ts';
import { RELEASES } from './release.ts';

/** @returns the directory, which the caller removes */
export async function unpackRelease({ version, made_at }: Recorded): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-upgrade-'));
  const packed = await readFile(new URL(`${version}/data.tar.br`, RELEASES));
  await untar(brotliDecompressSync(packed), dataDir);
  const { uid, gid } = await chooseAccount(join(dataDir, 'nothing'));
  if (uid !== undefined) await run('chown', ['-R', `${uid}:${gid}`, join(dataDir, 'postgres')]);
  await rejuvenate(dataDir, made_at);
  return dataDir;
}

function untar(content: Buffer, directory: string): Promise<void> {
  const child = execFile('tar', ['-x', '-p', '-f', '-', '-C', directory]);
  child.stdin!.end(content);
  return new Promise((resolve, reject) =>
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`tar ended with ${code}.`)),
    ),
  );
}

/**
 * What ends by age is as old as when the release was stopped: idempotency keys (24 hours) and pending uploads (an hour).
 * Runs need no help: the deadline of those that wait is in the year 2100. Nothing else is changed.
 */
async function rejuvenate(dataDir: string, madeAt: number): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const age = [Math.floor(Date.now() / 1_000) - madeAt];
  await client.query(
    `update idempotency_keys set created_at = created_at + $1 * interval '1 second'`,
    age,
  );
  await client.query('update uploads set expires_at = expires_at + $1::bigint', age);
  await client.end();
  await server.stop();
}

const run = promisify(execFile);
