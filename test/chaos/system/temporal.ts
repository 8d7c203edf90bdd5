/** A Temporal development server with its data in a file: what it has accepted survives its end. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { temporalHealth } from '../../../embedded/temporal/health.ts';
import { environment } from '../../../embedded/processes.ts';
import type { Launch } from '../../../embedded/temporal/launch.ts';
import { commandFor } from '../../../embedded/temporal/launch.ts';
import { findTemporal } from '../../../embedded/temporal/program.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../../temporal/search-attributes.ts';
import { Child } from './child.ts';
import { Part } from './part.ts';

export type ChaosTemporal = { part: Part; address: string };

export async function startTemporal(
  parent: string,
  logFile: string,
  port: number,
): Promise<ChaosTemporal> {
  const program = await findTemporal({});
  const options = { dataDir: parent, searchAttributes: SEARCH_ATTRIBUTE_TYPES };
  const launch: Launch = { program, directory: join(parent, 'temporal'), options };
  await mkdir(launch.directory, { recursive: true });
  const [command = '', ...args] = commandFor(launch, { port, uiPort: undefined });
  const address = `127.0.0.1:${port}`;
  const env = environment() as Record<string, string>;
  const part = new Part(
    'temporal',
    () => new Child({ command, args, env, logFile }),
    (child) => untilAnswers(child, address),
  );
  part.start();
  return { part, address };
}

async function untilAnswers(child: Child, address: string): Promise<void> {
  while (child.running) {
    if ((await temporalHealth(address)).state === 'ready') return;
    await pause(100);
  }
  throw new Error('Temporal ended while it was starting.');
}
