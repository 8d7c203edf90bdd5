/** The channel to a kernel that is Pyodide in Deno: frames go to its stdin, packets come from its stdout. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Channel, ChannelEnd } from '../kernel/channel.ts';
import { memoryInUse, residentByPs, treeOf } from '../host/memory.ts';
import {
  exitText,
  isRunning,
  launcherLogAtEnd,
  processorSeconds,
  processTree,
  signalIfAlive,
  yieldToOthers,
} from '../host/processes.ts';
import { FRAMES, OUTPUT, packetDecoder } from './packets.ts';

const SECRET_BYTES = 16;

/** `started` resolves when Python waits for its first cell, or has ended. */
export type DenoChannel = Channel & { started: Promise<void> };

/** The channel over `child`, whose stdin, stdout and stderr are pipes. */
export function denoChannel(child: ChildProcess): DenoChannel {
  const secret = randomBytes(SECRET_BYTES);
  const started = Promise.withResolvers<void>();
  let wanted = true;
  let paused = false;
  child.stdio.forEach((stream) => stream?.on('error', () => {})); // 'close' follows
  child.once('exit', () => child.stdout?.resume());
  child.stdin?.write(secret);
  const closed = endOf(child);
  void started.promise.then(() => isRunning(child) && yieldToOthers(denoOf(child)));
  void closed.then(() => started.resolve());
  return {
    started: started.promise,
    listen(listener) {
      const decode = packetDecoder(secret, (channel, bytes) => {
        if (channel === FRAMES) {
          started.resolve();
          listener.frames(bytes);
        }
        // Frames share the pipe, so unwanted output is dropped instead of held.
        else if (channel === OUTPUT && wanted) listener.output(bytes);
      });
      child.stdout?.on('data', decode);
      void closed.then(listener.closed);
    },
    write: (data) => new Promise((resolve) => child.stdin?.write(data, () => resolve())),
    readOutput(on) {
      wanted = on;
    },
    hold(on) {
      if (on && isRunning(child)) child.stdout?.pause();
      else child.stdout?.resume();
    },
    pause() {
      paused = true;
      signalGroup(child, 'SIGSTOP');
    },
    resume() {
      if (paused) signalGroup(child, 'SIGCONT');
      paused = false;
    },
    processorSeconds: () => processorSeconds(denoOf(child)),
    memory: (limit) =>
      process.platform === 'linux'
        ? memoryInUse(treeOf(child.pid ?? 0), limit)
        : residentByPs(child.pid ?? 0),
    end() {
      signalGroup(child, 'SIGKILL');
    },
  };
}

/** The last process, which starts no other: with bubblewrap around it, there are two before it. */
function denoOf({ pid }: ChildProcess): number | undefined {
  return pid === undefined ? undefined : processTree(pid).at(-1);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && isRunning(child)) signalIfAlive(-child.pid, signal);
}

async function endOf(child: ChildProcess): Promise<ChannelEnd> {
  const launcherLog = await launcherLogAtEnd(child);
  return { reason: `The Python process ended (${exitText(child)}).`, launcherLog, lost: false };
}
