import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { workflowBundle } from '../../worker/bundle.ts';

const PLANTED = 'the code of another user';
const NOBODY = 65_534;

async function cacheDirectory(mode: number): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'threadmill-bundle-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  const cacheDir = join(parent, 'cache');
  await mkdir(cacheDir);
  await chmod(cacheDir, mode);
  return cacheDir;
}

test('a bundle that others could write is replaced, and its directory closed to them', async () => {
  const cacheDir = await cacheDirectory(0o777);
  const path = await workflowBundle(cacheDir);
  expect((await stat(cacheDir)).mode & 0o777).toBe(0o755);
  const built = await readFile(path, 'utf8');

  await writeFile(path, PLANTED);
  await chmod(path, 0o666);
  expect(await workflowBundle(cacheDir)).toBe(path);
  expect(await readFile(path, 'utf8')).toBe(built);
  expect((await stat(path)).mode & 0o777).toBe(0o644);
}, 120_000);

// Only root can give files away.
test.runIf(process.getuid?.() === 0)(
  'a bundle of another user is replaced, and a directory of another user refused',
  async () => {
    const cacheDir = await cacheDirectory(0o755);
    const path = await workflowBundle(cacheDir);
    await writeFile(path, PLANTED);
    await chown(path, NOBODY, NOBODY);
    await workflowBundle(cacheDir);
    expect(await readFile(path, 'utf8')).not.toBe(PLANTED);

    await chown(cacheDir, NOBODY, NOBODY);
    await expect(workflowBundle(cacheDir)).rejects.toThrow(
      /belongs to another user.* set THREADMILL_CACHE_DIR/,
    );
  },
  120_000,
);
