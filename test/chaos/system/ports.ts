/** Ports below those that Linux hands out by itself: nobody takes one while the process that has it is down. */
import { isPortFree } from '../../../embedded/ports.ts';
import { seeded } from '../random.ts';
import type { Ports } from './links.ts';

const FIRST = 12_000;
const LAST = 31_999;
const COUNT = 5;

export async function choosePorts(): Promise<Omit<Ports, 'model'>> {
  const random = seeded(process.pid, String(Date.now()));
  const chosen = new Set<number>();
  while (chosen.size < COUNT) {
    const port = random.integer(FIRST, LAST);
    if (await isPortFree(port)) chosen.add(port);
  }
  const [api0, api1, postgres, temporal, sandboxd] = chosen;
  return {
    api0: api0!,
    api1: api1!,
    postgres: postgres!,
    temporal: temporal!,
    sandboxd: sandboxd!,
  };
}
