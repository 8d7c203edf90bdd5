import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';

import { occupyPort } from '../embedded/support.ts';
import { claimDataDir } from '../../bin/serve/data-dir.ts';
import { runToEnd } from './support.ts';

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-start-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs a start that must fail; returns its only line on stderr. */
async function sentence(
  args: string[],
  options: Parameters<typeof runToEnd>[2] = {},
): Promise<string> {
  const { code, stderr } = await runToEnd('bin/start.mjs', ['--port', '0', ...args], options);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(code).toBe(1);
  return stderr.trimEnd();
}

test('a busy port', async () => {
  const port = String(await occupyPort());
  expect(await sentence(['--data-dir', await temporaryDirectory(), '--port', port])).toBe(
    `Port ${port} on 127.0.0.1 is in use or not allowed: choose another with --port, or stop what listens on it.`,
  );
});

test('a busy port for the Temporal UI, after which nothing is left running', async () => {
  const port = String(await occupyPort());
  const dataDir = await temporaryDirectory();
  expect(await sentence(['--data-dir', dataDir, '--temporal-ui-port', port])).toBe(
    `Port ${port} for the Temporal UI is in use: choose another with --temporal-ui-port.`,
  );
  expect(await readdir(dataDir)).not.toContain('lock');
  expect(await readdir(join(dataDir, 'postgres')).catch(() => [])).not.toContain('postmaster.pid');
});

test('a data directory that is a file', async () => {
  const file = join(await temporaryDirectory(), 'data');
  await writeFile(file, '');
  expect(await sentence(['--data-dir', file])).toMatch(
    /^The data directory .*data cannot be used \(EEXIST: .*\): correct its permissions, or use another with --data-dir\.$/,
  );
});

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)('a data directory of somebody else', async () => {
  const dataDir = await temporaryDirectory();
  await chmod(dataDir, 0o755);
  await chown(dataDir, 65_534, 65_534);
  // Root without its capabilities, which may enter the checkout whatever its mode is.
  const launcher = ['setpriv', '--bounding-set=-all', '--'];
  expect(await sentence(['--data-dir', dataDir], { launcher })).toMatch(
    /^The data directory .* cannot be used \(EACCES: /,
  );
});

test('a data directory in use', async () => {
  const dataDir = await temporaryDirectory();
  const release = await claimDataDir(dataDir);
  expect(await sentence(['--data-dir', dataDir])).toBe(
    `The data directory ${dataDir} is in use by process ${process.pid}: stop that one, or use another with --data-dir.`,
  );
  await release();
});

test('the lock of a dead process does not count', async () => {
  const dataDir = await temporaryDirectory();
  await writeFile(
    join(dataDir, 'lock'),
    JSON.stringify({ pid: process.pid, command: 'something else' }),
  );
  const release = await claimDataDir(dataDir);
  await expect(claimDataDir(dataDir)).rejects.toThrow(`in use by process ${process.pid}`);
  await release();
  expect(await readdir(dataDir)).toEqual([]);
});

test('of many that find the lock of a dead process, one gets it', async () => {
  const dataDir = await temporaryDirectory();
  await writeFile(join(dataDir, 'lock'), 'half-writ');
  const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimDataDir(dataDir)));
  expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

const OTHER_SERVERS = { TEMPORAL_ADDRESS: inject('temporalAddress') };

test('a DATABASE_URL that is no URL', async () => {
  const dataDir = await temporaryDirectory();
  expect(await sentence(['--data-dir', dataDir], { env: { DATABASE_URL: 'localhost:5432' } })).toBe(
    'DATABASE_URL must look like postgres://user:password@host:5432/database.',
  );
});

test('a DATABASE_URL where nobody answers', async () => {
  const dataDir = await temporaryDirectory();
  const env = { ...OTHER_SERVERS, DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/threadmill' };
  const text = await sentence(['--data-dir', dataDir], { env });
  expect(text).toBe(
    'DATABASE_URL cannot be used (connect ECONNREFUSED 127.0.0.1:1): correct its host, port, user, password or ' +
      'database, or unset it to use the embedded database.',
  );
});

test('a DATABASE_URL with a wrong password, which is not repeated', async () => {
  const url = new URL(inject('databaseAdminUrl'));
  url.password = 'not-the-password';
  const env = { ...OTHER_SERVERS, DATABASE_URL: url.href };
  const text = await sentence(['--data-dir', await temporaryDirectory()], { env });
  expect(text).toMatch(
    /^DATABASE_URL cannot be used \(password authentication failed for user "threadmill"\): correct/,
  );
  expect(text).not.toContain('not-the-password');
});

test('a TEMPORAL_ADDRESS where nobody answers', async () => {
  const env = { DATABASE_URL: inject('databaseAdminUrl'), TEMPORAL_ADDRESS: '127.0.0.1:1' };
  expect(await sentence(['--data-dir', await temporaryDirectory()], { env })).toBe(
    'No Temporal server answers at TEMPORAL_ADDRESS 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start it, correct the address (host:port) or the TEMPORAL_TLS settings, or unset it to use a local one.',
  );
});

test('a TEMPORAL_NAMESPACE that does not exist', async () => {
  const env = {
    DATABASE_URL: inject('databaseAdminUrl'),
    ...OTHER_SERVERS,
    TEMPORAL_NAMESPACE: 'nowhere',
  };
  expect(await sentence(['--data-dir', await temporaryDirectory()], { env })).toMatch(
    /has no namespace 'nowhere': create it with temporal operator namespace create --namespace nowhere, or set TEMPORAL_NAMESPACE\.$/,
  );
});

test.each([
  [['--prot', '1'], "Unknown option '--prot'; npm start -- --help lists the options."],
  [['extra'], "Unexpected argument 'extra'; npm start -- --help lists the options."],
  [['--port', 'http'], "PORT must be a whole number from 0 to 65535, but is 'http'."],
])('the arguments %j', async (args, expected) => {
  expect(await sentence(args)).toBe(expected);
});

test('no Temporal program and no Go', async () => {
  const cache = await temporaryDirectory();
  const env = { DATABASE_URL: inject('databaseAdminUrl'), PATH: '', XDG_CACHE_HOME: cache };
  expect(await sentence(['--data-dir', await temporaryDirectory()], { env })).toMatch(
    /^No Temporal server was found: .*install Go 1\.25 or newer or the Temporal CLI, or set TEMPORAL_ADDRESS to a running server\.$/,
  );
});
