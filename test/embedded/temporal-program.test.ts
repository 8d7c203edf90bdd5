import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';

import { EmbeddedError } from '../../embedded/error.ts';
import { findTemporal } from '../../embedded/temporal/program.ts';
import { temporaryDirectory } from './support.ts';

const RELEASE = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';
const OLD = 'temporal version 1.4.1 (Server 1.28.0, UI 2.39.0)';
const OWN_BUILD = 'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A computer with an empty cache and nothing on PATH but the given shell scripts. */
async function computerWith(
  scripts: Record<string, string>,
): Promise<{ bin: string; cache: string }> {
  const root = await temporaryDirectory();
  const computer = { bin: join(root, 'bin'), cache: join(root, 'cache') };
  await mkdir(computer.bin);
  for (const [name, body] of Object.entries(scripts)) {
    await script(join(computer.bin, name), body);
  }
  vi.stubEnv('PATH', computer.bin);
  vi.stubEnv('XDG_CACHE_HOME', computer.cache);
  return computer;
}

async function script(path: string, body: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

/** A go that "builds" the program by writing a script to the path after -o. */
const GO = `
case "$1" in
version) echo "go version go1.25.3 linux/amd64" ;;
list) printf 'a\\nb\\nc\\n' ;;
build) while [ "$1" != "-o" ]; do echo "$1" >&2; shift; done
  printf '#!/bin/sh\\necho "${RELEASE}"\\n' > "$2"; /bin/chmod 755 "$2" ;;
esac`;

test('takes a program on PATH', async () => {
  const { bin } = await computerWith({ temporal: `echo '${RELEASE}'` });
  expect(await findTemporal({})).toEqual({
    path: join(bin, 'temporal'),
    version: '1.5.1',
    server: '1.29.1',
  });
});

test('recognises a program built from source by the server inside', async () => {
  await computerWith({ temporal: `echo '${OWN_BUILD}'` });
  expect(await findTemporal({})).toMatchObject({ version: '0.0.0-DEV', server: '1.29.1' });
});

test('takes the cached build when the program on PATH is too old', async () => {
  const { cache } = await computerWith({ temporal: `echo '${OLD}'` });
  const path = join(cache, 'threadmill', 'temporal', 'v1.5.1', 'temporal');
  await mkdir(join(path, '..'), { recursive: true });
  await script(path, `echo '${RELEASE}'`);
  expect(await findTemporal({})).toMatchObject({ path });
});

test('builds the pinned version with Go and keeps it', async () => {
  const { cache } = await computerWith({ go: GO });
  const progress: string[] = [];
  const { path } = await findTemporal({ onProgress: (line) => progress.push(line) });
  expect(path).toBe(join(cache, 'threadmill', 'temporal', 'v1.5.1', 'temporal'));
  expect(progress).toEqual([
    'Building the Temporal server v1.5.1 with Go 1.25 (once, about 3 minutes)',
  ]);
  progress.length = 0;
  expect(await findTemporal({ onProgress: (line) => progress.push(line) })).toMatchObject({ path });
  expect(progress).toEqual([]);
});

test('names every way to get a program when there is none', async () => {
  await computerWith({});
  const found = findTemporal({});
  await expect(found).rejects.toBeInstanceOf(EmbeddedError);
  await expect(found).rejects.toThrow(
    /no temporal program \(1\.5 or newer\) on PATH, none at .*v1\.5\.1\/temporal, and no Go to build one; install Go 1\.25 or newer or the Temporal CLI, or set TEMPORAL_ADDRESS/,
  );
});

test('says that the installed Go is too old', async () => {
  await computerWith({ go: 'echo "go version go1.22.1 linux/amd64"' });
  await expect(findTemporal({})).rejects.toThrow('a Go too old to build one (1.22)');
});

test('says why a build failed and what to do', async () => {
  await computerWith({
    go: `[ "$1" = version ] && echo "go version go1.25.3 linux/amd64" && exit 0\necho "dial tcp: no route to host" >&2; exit 1`,
  });
  await expect(findTemporal({})).rejects.toThrow(
    /^Building the Temporal server failed: dial tcp: no route to host Check the network/,
  );
});

test('ends a build when it is aborted', async () => {
  await computerWith({
    go: `[ "$1" = version ] && echo "go version go1.25.3 linux/amd64" && exit 0\nexec /bin/sleep 600`,
  });
  await expect(findTemporal({ signal: AbortSignal.timeout(100) })).rejects.toThrow(EmbeddedError);
});
