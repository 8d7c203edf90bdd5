/** Chooses the backend, after trying it. */
import type { Limits, SandboxBackend } from './backend.ts';
import { KernelStartError } from './backend.ts';
import { bubblewrapBackend } from './bubblewrap/backend.ts';
import { findCgroup, sweepCgroups } from './host/cgroup.ts';
import type { SandboxOptions, SandboxStatus } from './sandbox.ts';
import { probe } from './probe.ts';
import { pyodideBackend, preparePyodide } from './pyodide/backend.ts';
import { INVENTORY, limitationsOf, pyodideChecks } from './pyodide/checks.ts';
import { remoteBackend } from './remote/client.ts';
import { watchStatus } from './remote/status.ts';
import { findTools, launchHint, SetupError } from './host/setup.ts';

/** Without a sandbox there is no `open`. */
export type Chosen = {
  /** The status of a remote sandbox changes over time. */
  readonly status: SandboxStatus;
  /** Kernels within `limits`. */
  open?: (limits: Limits) => Promise<SandboxBackend>;
  /** Kernels that a remote sandbox has for all its workers. */
  readonly maxKernels?: number | undefined;
  close?: () => void;
};

// The suite tests both: a probe that fills the memory would take too long.
const BY_CGROUP = 'limits memory, processes and processor time by a cgroup';
const BY_WATCHDOG = 'limits memory by a watchdog that looks every 100 ms';
// First imports of large packages are slow, more so on a busy computer, so the limits of cells are not enough.
const PROBE_TIMES = { cellSoftSeconds: 120, cellHardSeconds: 130 };

const PYODIDE_PROBING = { checks: pyodideChecks, inventory: INVENTORY };

/** Runs real cells within `limits`. Does not throw when the machine lacks something: see `status`. */
export async function chooseBackend(options: SandboxOptions, limits: Limits): Promise<Chosen> {
  if (options.backend === 'none') return unavailable('The sandbox is switched off.');
  if (options.backend === 'remote') return chooseRemote(options, limits);
  if (options.backend === 'bubblewrap') return chooseBubblewrap(options, limits);
  if (options.backend === 'pyodide') return choosePyodide(options, limits);
  const first = await chooseBubblewrap(options, limits);
  if (first.status.ok) return first;
  const second = await choosePyodide(options, limits);
  // The reason says why the first backend is not used.
  if (second.status.ok) return { ...second, status: { ...second.status, ...because(first) } };
  return unavailable(`${first.status.reason} Or: ${second.status.reason}`);
}

async function chooseBubblewrap(
  { python, cgroup: configured }: SandboxOptions,
  limits: Limits,
): Promise<Chosen> {
  try {
    const tools = await findTools(python);
    const cgroup = await findCgroup(configured);
    if (cgroup !== undefined) await sweepCgroups(cgroup);
    const open = (within: Limits) => bubblewrapBackend(tools, within, cgroup);
    const { reason, ...found } = await probe(await open({ ...limits, ...PROBE_TIMES }));
    if (reason !== undefined) return unavailable(reason);
    const guarantees = [...found.guarantees, cgroup === undefined ? BY_WATCHDOG : BY_CGROUP];
    return { status: { backend: 'bubblewrap', ok: true, ...found, guarantees }, open };
  } catch (error) {
    if (error instanceof SetupError) return unavailable(error.message);
    if (!(error instanceof KernelStartError)) throw error;
    return unavailable(`The sandbox did not start: ${error.message} ${launchHint(error.message)}`);
  }
}

async function choosePyodide(options: SandboxOptions, limits: Limits): Promise<Chosen> {
  try {
    const pyodide = await preparePyodide(limits, options.wheels);
    for (const problem of pyodide.problems) options.log?.('a wheel cannot be used', { problem });
    const open = (within: Limits) => Promise.resolve(pyodideBackend(pyodide, within));
    const backend = await open({ ...limits, ...PROBE_TIMES });
    const { reason, ...found } = await probe(backend, PYODIDE_PROBING);
    if (reason !== undefined) return unavailable(reason);
    const { packages, launch } = pyodide;
    const limitations = limitationsOf(launch.enclosure !== undefined);
    const status = { ...found, packages, limitations } as const;
    return { status: { backend: 'pyodide', ok: true, ...status }, open };
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof KernelStartError)) throw error;
    return unavailable(`Pyodide does not run: ${error.message}`);
  }
}

async function chooseRemote({ sandboxd }: SandboxOptions, limits: Limits): Promise<Chosen> {
  if (sandboxd === undefined) return unavailable('SANDBOX_URL does not name a sandboxd.');
  const watch = await watchStatus({ ...sandboxd, limits });
  return {
    get status() {
      return watch.status;
    },
    get maxKernels() {
      return watch.maxKernels;
    },
    open: (within) => Promise.resolve(remoteBackend({ ...sandboxd, limits: within })),
    close: () => watch[Symbol.dispose](),
  };
}

function because({ status: { reason } }: Chosen): { reason?: string } {
  return reason === undefined ? {} : { reason: `bubblewrap is not used. ${reason}` };
}

function unavailable(reason: string): Chosen {
  return { status: { backend: 'none', ok: false, reason, packages: [], guarantees: [] } };
}
