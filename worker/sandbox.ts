/** Makes the sandbox that the settings describe. This file loads fast, so npm start makes it while the worker loads. */
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
    wheels: config.sandboxWheels,
    cellSoftSeconds: config.cellSoftSeconds,
    cellHardSeconds: config.cellHardSeconds,
    memoryBytes: config.cellMemoryBytes,
    processes: config.cellProcesses,
    diskBytes: config.cellDiskBytes,
    maxLogBytes: config.cellLogBytes,
    maxImages: config.cellImages,
    maxFiles: config.cellFiles,
    spare: config.sandboxSpare,
    cgroup: config.sandboxCgroup,
    maxKernels: config.sandboxMaxKernels,
  };
}
