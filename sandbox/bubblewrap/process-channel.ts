/**
 * The channel to a kernel that is a process tree of this machine.
 * fd 1 carries output, fd 2 only what the launcher says before Python runs, fd 3 takes frames, fd 4 brings them.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Limits } from '../backend.ts';
import type { Cgroup } from '../host/cgroup.ts';
import type { Channel, ChannelEnd } from '../kernel/channel.ts';
import { memorySentence } from '../kernel/memory-watch.ts';
import type { Watched } from '../host/memory.ts';
import { listBytes, memoryInUse, namespaceOf, treeOf } from '../host/memory.ts';
import {
  exitText,
  firstChild,
  isRunning,
  isStopped,
  killIfAlive,
  launcherLogAtEnd,
  processorSeconds,
  processTree,
  secondChild,
  signalIfAlive,
  yieldToOthers,
} from '../host/processes.ts';

const LAUNCHER_GRACE_MS = 300;
const STOP_LOOK_MS = 10;
const LISTS_EVERY_MS = 1_000;
const STOP_LOOKS = 200;

/** The channel over `child`, a launcher in `group`, whose kernel's memory includes its files in `folders`. */
export function processChannel(
  child: ChildProcess,
  folders: readonly string[],
  limits: Limits,
  group: Cgroup | undefined,
): Channel {
  const [, stdout, , input, frames] = child.stdio as [null, Readable, Readable, Writable, Readable];
  let wanted = true;
  let held = false;
  const flow = () => {
    // A pipe that is not read to its end never closes.
    const running = isRunning(child);
    setFlowing(stdout, !running || (wanted && !held));
    setFlowing(frames, !running || !held);
  };
  child.stdio.forEach((stream) => stream?.on('error', () => {})); // 'close' follows
  child.once('exit', flow);
  const closed = endOf(child, limits, group);
  return {
    listen(listener) {
      stdout.on('data', listener.output);
      frames.once('data', () => yieldToOthers(secondChild(child)));
      frames.on('data', listener.frames);
      void closed.then(listener.closed);
    },
    write: (data) => new Promise((resolve) => input.write(data, () => resolve())),
    readOutput(on) {
      wanted = on;
      flow();
    },
    hold(on) {
      held = on;
      flow();
    },
    ...pausing(child),
    processorSeconds: () => processorSeconds(secondChild(child)),
    memory: group?.limitsMemory === true ? () => Promise.resolve(0) : memoryMeter(child, folders),
    end() {
      [wanted, held] = [true, false];
      flow();
      end(child);
    },
  };
}

function setFlowing(stream: Readable, on: boolean): void {
  if (on) stream.resume();
  else stream.pause();
}

/** Python stops first, and everything else inside once Python stands still. */
function pausing(child: ChildProcess): Pick<Channel, 'pause' | 'resume'> {
  let paused = false;
  let timer: NodeJS.Timeout | undefined;
  // A process that Python is starting shares Python's memory until it runs its own program (vfork). Stopped before that,
  // it would keep Python from running another cell.
  const stopRest = (python: number, looks: number) => {
    if (looks > 0 && !isStopped(python)) {
      timer = setTimeout(() => stopRest(python, looks - 1), STOP_LOOK_MS).unref();
      return;
    }
    const [, , ...inside] = processTree(child.pid ?? 0);
    inside.forEach((pid) => signalIfAlive(pid, 'SIGSTOP'));
  };
  return {
    pause() {
      paused = true;
      const python = secondChild(child);
      if (python === undefined) return;
      signalIfAlive(python, 'SIGSTOP');
      stopRest(python, STOP_LOOKS);
    },
    resume() {
      if (!paused) return;
      paused = false;
      clearTimeout(timer);
      // What a cell left running stays stopped, until the next one's end kills it.
      const python = secondChild(child);
      if (python !== undefined) signalIfAlive(python, 'SIGCONT');
    },
  };
}

/** Long lists take long to read, so they are read less often than the rest. */
function memoryMeter(launcher: ChildProcess, folders: readonly string[]): Channel['memory'] {
  let lists = 0;
  let countedAt = -Infinity;
  return async (limit) => {
    const kernel = watched(launcher, folders);
    if (performance.now() - countedAt >= LISTS_EVERY_MS) {
      lists = await listBytes(kernel, limit);
      countedAt = performance.now();
    }
    return memoryInUse(kernel, limit, lists);
  };
}

/** The namespace, once its /proc and its files are there: that is before Python starts. */
function watched(launcher: ChildProcess, folders: readonly string[]): Watched {
  const python = secondChild(launcher);
  const namespace = python === undefined ? undefined : namespaceOf(python, folders);
  return namespace ?? treeOf(launcher.pid ?? 0);
}

/** Resolves when every process has ended and every pipe is closed. */
async function endOf(
  child: ChildProcess,
  limits: Limits,
  group: Cgroup | undefined,
): Promise<ChannelEnd> {
  const launcherLog = await launcherLogAtEnd(child);
  const reason = await endText(child, limits, group);
  return { reason, launcherLog, lost: false };
}

async function endText(
  child: ChildProcess,
  { memoryBytes }: Limits,
  group: Cgroup | undefined,
): Promise<string> {
  const outOfMemory = await group?.outOfMemory();
  await group?.remove();
  return outOfMemory === true
    ? memorySentence(memoryBytes)
    : `The Python process ended (${exitText(child)}).`;
}

/**
 * With its first process the pid namespace ends, and the launcher reaps that one: killed itself, it would leave a
 * zombie to an init that many containers do not have.
 */
function end(child: ChildProcess): void {
  const first = firstChild(child);
  if (first !== undefined) killIfAlive(first);
  const grace = first === undefined ? 0 : LAUNCHER_GRACE_MS;
  const launcher = setTimeout(() => killLauncher(child), grace);
  child.once('close', () => clearTimeout(launcher));
  // A launcher that is killed while it makes the namespaces can leave a Python behind that no signal reaches. No cell
  // runs in it yet, so it ends with its input.
  (child.stdio[3] as Writable).destroy();
}

/** Its death signal takes the rest along. */
function killLauncher(child: ChildProcess): void {
  if (child.pid !== undefined && isRunning(child)) killIfAlive(-child.pid);
}
