/** Clocks that can be moved, one for each process, by Debian's `faketime`. Elapsed time stays true. */
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LIBRARIES = ['x86_64', 'aarch64'].map(
  (cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`,
);

export class FakeClock {
  readonly #file: string;
  readonly #library: string;

  constructor(file: string, library: string) {
    this.#file = file;
    this.#library = library;
  }

  /** Moves the clock to so many seconds from the true time, within a second. */
  async set(offsetSeconds: number): Promise<void> {
    await writeFile(this.#file, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}\n`);
  }

  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
  }
}

/** By part; empty where `faketime` is not installed. */
export async function createClocks(
  directory: string,
  parts: readonly string[],
): Promise<Map<string, FakeClock>> {
  const clocks = new Map<string, FakeClock>();
  const library = await findLibrary();
  for (const part of library === undefined ? [] : parts) {
    const clock = new FakeClock(join(directory, `clock-${part}`), library!);
    await clock.set(0);
    clocks.set(part, clock);
  }
  return clocks;
}

async function findLibrary(): Promise<string | undefined> {
  for (const library of LIBRARIES) {
    const found = await access(library).then(
      () => true,
      () => false,
    );
    if (found) return library;
  }
  return undefined;
}
