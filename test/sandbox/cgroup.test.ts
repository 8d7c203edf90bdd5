import { mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bubblewrapBackend } from '../../sandbox/bubblewrap/backend.ts';
import { findCgroup, makeCgroup, sweepCgroups } from '../../sandbox/host/cgroup.ts';
import { createSandbox, limitsOf } from '../../sandbox/index.ts';
import { findTools, SetupError } from '../../sandbox/host/setup.ts';
import { openSandbox, PYTHON } from './support/index.ts';

const limits = limitsOf({
  backend: 'auto',
  python: PYTHON,
  cellSoftSeconds: 5,
  cellHardSeconds: 6,
  memoryBytes: 2 ** 28,
  processes: 32,
});

/** A cgroup v2 that this process may make groups in, with whatever controllers it has. */
const cgroup2 = await (async () => {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const path = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(mounts)?.[1];
  if (path === undefined) return undefined;
  const trial = join(path, `trial-${process.pid}`);
  return mkdir(trial).then(
    () => rmdir(trial).then(() => path),
    () => undefined,
  );
})();

test('a group that is configured and of no use is refused, with the remedy', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-cgroup-'));
  for (const path of ['/nowhere', folder]) {
    await expect(findCgroup(path)).rejects.toThrow(SetupError);
    await expect(findCgroup(path)).rejects.toThrow(/memory and pids.*DelegateSubgroup/);
  }
  await rm(folder, { recursive: true });
});

test('the sandbox says which way memory is limited, and refuses a wrong setting', async () => {
  await using sandbox = await openSandbox();
  if (!sandbox.status.ok) return;
  expect(sandbox.status.guarantees.at(-1)).toMatch(/^limits memory( by a watchdog|, processes)/);
  const options = {
    backend: 'bubblewrap',
    python: PYTHON,
    cellSoftSeconds: 5,
    cellHardSeconds: 6,
  } as const;
  await using wrong = await createSandbox({ ...options, cgroup: '/nowhere' });
  expect(wrong.status).toMatchObject({ ok: false, reason: expect.stringContaining('/nowhere') });
});

describe.skipIf(cgroup2 === undefined)('in a cgroup of this machine', () => {
  const parent = { path: cgroup2 ?? '', controllers: new Set<string>() };
  const groups = async () =>
    (await readdir(parent.path)).filter((name) => name.startsWith(`threadmill-${process.pid}-`));

  test('a kernel lives with all its processes, and the group ends with it', async () => {
    const backend = await bubblewrapBackend(await findTools(PYTHON), limits, parent);
    const kernel = await backend.start();
    const [name = ''] = await groups();
    const processes = async () =>
      (await readFile(join(parent.path, name, 'cgroup.procs'), 'utf8')).trim().split('\n');
    // The launcher, the first process of the namespace, and Python.
    expect(await processes()).toHaveLength(3);
    const { status } = await kernel.run(
      'import subprocess\nsubprocess.run(["true"], check=True)\nNone',
    );
    expect(status).toBe('ok');
    await kernel.kill('The test has ended.');
    expect(await groups()).toEqual([]);
  });

  test('groups of processes that died are removed', async () => {
    const left = join(parent.path, 'threadmill-4194303-left');
    await mkdir(left);
    await sweepCgroups(parent);
    expect(await readdir(parent.path)).not.toContain('threadmill-4194303-left');
  });

  test('limits are given where the machine has the controllers', async (context) => {
    const found = await findCgroup(parent.path).catch(() => undefined);
    if (found === undefined) return context.skip('there is no memory controller in cgroup v2 here');
    const backend = await bubblewrapBackend(await findTools(PYTHON), limits, found);
    const kernel = await backend.start();
    const { status, outputs } = await kernel.run(
      'x = [bytearray(b"x") * 10**8 for _ in range(20)]',
    );
    expect(status).toBe('died');
    expect(outputs).toEqual([
      { type: 'logs', logs: expect.stringMatching(/more than 256 MB of memory/) },
    ]);
  });
});

test.skipIf(cgroup2 === undefined)('a group that is gone cannot be joined', async () => {
  const group = await makeCgroup({ path: cgroup2 ?? '', controllers: new Set() }, 'gone', limits);
  await group.remove();
  await expect(group.join(process.pid)).rejects.toThrow();
  await group.remove();
});
