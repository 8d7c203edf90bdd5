/** The short run of chaos that is part of `npm test`, and what it leaves behind when it is killed: nothing. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { waitUntil } from '../../embedded/processes.ts';
import { commandOf, descendants } from '../support/processes.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** `CHAOS_SEED` and `CHAOS_MINUTES` repeat another one. */
const { CHAOS_SEED: seed = '1', CHAOS_MINUTES: minutes = '2' } = process.env;
const MINUTE_MS = 60_000;

/** It needs Linux's signals between parent and child, and its process files. */
const onLinux = test.skipIf(process.platform !== 'linux');

onLinux(
  'a system that is disturbed all the time breaks no rule',
  { timeout: (Number(minutes) + 13) * MINUTE_MS },
  async () => {
    const chaos = start('--seed', seed, '--minutes', minutes);
    const [code] = (await once(chaos.child, 'exit')) as [number | null];
    const story = chaos.lines.join('\n');
    expect(code, story).toBe(0);
    console.log(story.slice(story.indexOf('Chaos with seed')));
  },
);

onLinux('a run that is killed leaves no process behind', { timeout: 5 * MINUTE_MS }, async () => {
  const chaos = start('--calm', '--minutes', '10', '--clients', '2');
  await chaos.said('The system is up');
  const left = await descendants(chaos.child.pid!);
  const commands = left.map(({ command }) => command).join('\n');
  for (const name of ['postgres', 'start-dev', 'api/main.ts', 'worker/main.ts']) {
    expect(commands).toContain(name);
  }
  chaos.child.kill('SIGKILL');
  const isGone = async () => {
    const alive = await Promise.all(
      left.map(async ({ pid, command }) => (await commandOf(pid)) === command),
    );
    return !alive.includes(true);
  };
  expect(await waitUntil(isGone, MINUTE_MS)).toBe(true);
});

function start(...args: string[]): {
  child: ChildProcess;
  lines: string[];
  said(text: string): Promise<void>;
} {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout! });
  output.on('line', (line) => lines.push(line));
  createInterface({ input: child.stderr! }).on('line', (line) => lines.push(line));
  const said = async (text: string) => {
    while (!lines.some((line) => line.includes(text))) {
      await Promise.race([
        once(output, 'line'),
        once(child, 'exit').then(() => expect.unreachable(lines.join('\n'))),
      ]);
    }
  };
  return { child, lines, said };
}
