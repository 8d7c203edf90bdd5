/** The channel to a kernel that is Pyodide in Deno: frames go to its stdin, packets come from its stdout. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Channel, ChannelListener } from '../kernel/kernel.ts';
import { memoryInUse, residentByPs, treeOf } from '../host/memory.ts';
import { exitText, processorSeconds, signalIfAlive, yieldToOthers } from '../host/processes.ts';
import { FRAMES, OUTPUT, packetDecoder } from './packets.ts';

const SECRET_BYTES = 16;
const MAX_SAID_BYTES = 4_096;

/** The channel over `child`, whose stdin, stdout and stderr are pipes. */
export function denoChannel(child: ChildProcess): Channel {
  const secret = randomBytes(SECRET_BYTES);
  let listening = true;
  let paused = false;
  child.stdio.forEach((stream) => stream?.on('error', () => {})); // 'close' tells it all
  child.stdin?.write(secret);
  return {
    listen(listener) {
      const decode = packetDecoder(secret, (channel, bytes) => {
        if (channel === FRAMES) listener.frames(bytes);
        // Frames share the pipe, so output that nobody waits for is dropped instead of held.
        else if (channel === OUTPUT && listening) listener.output(bytes);
      });
      child.stdout?.on('data', decode);
      listenForTheEnd(child, listener);
    },
    write: (data) => new Promise((resolve) => child.stdin?.write(data, () => resolve())),
    readOutput(on) {
      listening = on;
    },
    rest(ms) {
      child.stdout?.pause();
      setTimeout(() => child.stdout?.resume(), ms);
    },
    yieldToOthers: () => yieldToOthers(child.pid),
    pause() {
      paused = true;
      signalGroup(child, 'SIGSTOP');
    },
    resume() {
      if (paused) signalGroup(child, 'SIGCONT');
      paused = false;
    },
    processorSeconds: () => processorSeconds(child.pid),
    memory: (limit) =>
      process.platform === 'linux'
        ? memoryInUse(treeOf(child.pid ?? 0), limit)
        : residentByPs(child.pid ?? 0),
    end() {
      signalGroup(child, 'SIGKILL');
    },
  };
}

function signalGroup({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  const running = exitCode === null && signalCode === null;
  if (pid !== undefined && running) signalIfAlive(-pid, signal);
}

function listenForTheEnd(child: ChildProcess, listener: ChannelListener): void {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (said.length < MAX_SAID_BYTES) said += chunk.toString('utf8');
  });
  child.once('close', () =>
    listener.closed(`The Python process ended (${exitText(child)}).`, said.trim()),
  );
}
