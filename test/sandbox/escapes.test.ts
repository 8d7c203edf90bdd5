import { tmpdir } from 'node:os';
import { afterAll, describe, expect, test } from 'vitest';
import { probe } from '../../sandbox/probe.ts';
import { BACKENDS, UNWATCHED, weakenedBackend, WEAKENED } from './support/backends.ts';
import { openCanaries } from './support/canaries.ts';
import type { Finding, Probe } from './support/escapes.ts';
import { escapeProbes, tryToEscape } from './support/escapes.ts';

const canaries = await openCanaries();
const opened = await Promise.all(
  BACKENDS.map(async (backend) => ({ ...backend, started: await (await backend.open())?.start() })),
);
afterAll(async () => {
  for (const { started } of opened) await started?.kill('The suite has ended.');
  await canaries[Symbol.asyncDispose]();
});

describe.each(opened)('code in $name cannot', ({ started, probes, more }) => {
  // Not installed here: opening it has printed the reason.
  if (started === undefined) return test.skip('be tried here', () => {});
  const table = [
    ...escapeProbes(canaries).filter(({ on }) => probes.includes(on)),
    ...(more?.(canaries) ?? []),
  ];
  const findings = new Map<Probe, Finding>();
  /** Tried once, by whichever test asks first. */
  const find = async (probe: Probe): Promise<Finding> => {
    const found = findings.get(probe) ?? (await tryToEscape(started, [probe], canaries.token))[0]!;
    findings.set(probe, found);
    return found;
  };

  test.each(table)('$name', async (probe: Probe) => {
    expect(await find(probe)).toMatchObject({ escaped: false });
    expect(started.alive).toBe(true);
  });

  test('make the canary appear anywhere, in at least 120 attempts', async () => {
    expect(table.length).toBeGreaterThanOrEqual(120);
    for (const probe of table) expect((await find(probe)).output).not.toContain(canaries.token);
    expect(canaries.connections).toEqual([]);
  });
});

const bubblewrap = opened.find(({ name }) => name === 'bubblewrap')?.started;

describe.skipIf(bubblewrap === undefined)('the same probes see a sandbox that gives away', () => {
  test.each(WEAKENED)('$name', { timeout: 30_000 }, async ({ change, seenBy }) => {
    const own = await openCanaries();
    await using backend = await weakenedBackend(change(own));
    const kernel = await backend.start();
    const findings = await tryToEscape(kernel, escapeProbes(own), own.token);
    await kernel.kill('It has been seen through.');
    await own[Symbol.asyncDispose]();
    const escapes = findings.filter(({ escaped }) => escaped).map(({ name }) => name);
    expect(escapes).toEqual(expect.arrayContaining(seenBy));
    // What is not weakened holds.
    expect(escapes.length).toBeLessThan(findings.length * 0.6);
  });

  test.each(WEAKENED)('$name, and the probe at the start refuses it', async ({ change }) => {
    const own = await openCanaries();
    // The canary of the probe is a file of its own in the same folder.
    const weaker = change({ ...own, folder: tmpdir() });
    for (const limits of [{}, UNWATCHED]) {
      await using backend = await weakenedBackend(weaker, limits);
      expect((await probe(backend)).reason).toMatch(/^A check failed: /);
    }
    await own[Symbol.asyncDispose]();
  });

  test('nothing, and the probe at the start accepts it', async () => {
    await using backend = await weakenedBackend('', UNWATCHED);
    expect(await probe(backend)).not.toHaveProperty('reason');
  });
});
