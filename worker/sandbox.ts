/** The sandbox as configured. A file of its own: it can be made while the rest of a worker is still being loaded. */
import type { ConfigOf } from '../config/config.ts';
import type { Sandbox, SandboxOptions } from '../sandbox/index.ts';
import { createSandbox } from '../sandbox/index.ts';

export function openSandbox(config: ConfigOf<'worker'>): Promise<Sandbox> {
  return createSandbox(sandboxOptions(config));
}

/** For the process that runs code: a worker, or sandboxd. */
export function sandboxOptions(config: ConfigOf<'worker'>): SandboxOptions {
  return {
    backend: config.sandbox,
    sandboxd: { address: config.sandboxUrl, token: config.sandboxToken },
    python: config.sandboxPython,
    ...(config.sandboxWheels === undefined ? {} : { wheels: config.sandboxWheels }),
    cellSoftSeconds: config.cellSoftSeconds,
    cellHardSeconds: config.cellHardSeconds,
    memoryBytes: config.cellMemoryBytes,
    processes: config.cellProcesses,
    diskBytes: config.cellDiskBytes,
    maxLogBytes: config.cellLogBytes,
    maxImages: config.cellImages,
    maxFiles: config.cellFiles,
    spare: config.sandboxSpare,
    ...(config.sandboxCgroup === undefined ? {} : { cgroup: config.sandboxCgroup }),
    ...(config.sandboxMaxKernels === undefined ? {} : { maxKernels: config.sandboxMaxKernels }),
  };
}
