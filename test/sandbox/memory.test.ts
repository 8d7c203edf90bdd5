/** How the memory of a kernel is measured from the host. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';

import { memoryInUse, treeOf } from '../../sandbox/host/memory.ts';

const MEGABYTE = 1024 * 1024;
/** 64 MB that three children share with it. */
const FORKS = `import os, time
kept = b"x" * (64 << 20)
for _ in range(3):
  if os.fork() == 0: time.sleep(1000)
print("ready", flush=True)
time.sleep(1000)`;

test.skipIf(process.platform !== 'linux')(
  'pages that processes share count once, whatever else is counted with them',
  async () => {
    const parent = spawn('/usr/bin/python3', ['-c', FORKS], { detached: true });
    onTestFinished(() => void process.kill(-parent.pid!, 'SIGKILL'));
    await once(parent.stdout, 'data');
    const kernel = treeOf(parent.pid!);
    const plain = await memoryInUse(kernel, Infinity);
    expect(plain).toBeGreaterThan(4 * 64 * MEGABYTE);
    // Just below the limit by themselves, and above it together with what is counted already.
    const used = await memoryInUse(kernel, plain + MEGABYTE, 2 * MEGABYTE);
    expect(used).toBeLessThan(plain);
  },
);
