/** The worker's end of a tunnel: the channel to a kernel behind sandboxd. When the connection ends, the kernel has ended. */
import type { Duplex } from 'node:stream';
import type { Channel, ChannelEnd, ChannelListener } from '../kernel/channel.ts';
import { Connection, TIMING } from './connection.ts';
import type { Packet } from './packets.ts';
import { INPUT_WINDOW_BYTES, ProtocolError } from './packets.ts';

/** A kernel that was not ended by then is ended by cutting the connection, at which sandboxd ends it too. */
const KILL_GRACE_MS = 500;
const PART_BYTES = 64 * 1024;
const MAX_TEXT_BYTES = 4_096;

/** The channel over a connection that was upgraded. */
export function tunnelChannel(stream: Duplex, timing = TIMING): Channel {
  const window = inputWindow();
  let listener: ChannelListener | undefined;
  let processorSeconds: number | undefined;
  let launcherLog = '';
  let end: Omit<ChannelEnd, 'launcherLog'> | undefined;
  let written: Promise<void> = Promise.resolve();
  const receive = ({ kind, body }: Packet): void => {
    if (kind === 'ping') return;
    if (kind === 'output') listener?.output(body);
    else if (kind === 'frames') listener?.frames(body);
    else if (kind === 'taken') window.open(body.readUInt32BE(0));
    else if (kind === 'used') processorSeconds = body.readDoubleBE(0);
    else if (kind === 'launcherLog') launcherLog = text(body);
    else if (kind === 'ended' || kind === 'lost') {
      end ??= { reason: text(body), lost: kind === 'lost' };
      connection.close();
    } else throw new ProtocolError(`'${kind}' from sandboxd`);
  };
  const connection = new Connection(stream, receive, timing);
  connection.hold(true);
  const send = async (data: Uint8Array) => {
    for (let at = 0; at < data.length; at += PART_BYTES) {
      const part = data.subarray(at, at + PART_BYTES);
      if (await window.take(part.length)) connection.send('input', part);
    }
  };
  return {
    listen(given) {
      listener = given;
      connection.hold(false);
      void connection.closed.then(() => {
        window.close();
        given.closed({ ...(end ?? cutOff(connection.problem)), launcherLog });
      });
    },
    write: (data) => (written = written.then(() => send(data))),
    readOutput: (on) => connection.send(on ? 'readOutput' : 'ignoreOutput'),
    hold: (on) => connection.hold(on),
    pause: () => connection.send('pause'),
    resume: () => connection.send('resume'),
    processorSeconds: () => processorSeconds,
    // sandboxd ends a kernel that needs too much.
    memory: () => Promise.resolve(0),
    end() {
      connection.hold(false);
      connection.send('kill');
      const cut = setTimeout(() => connection.fail('it was cut'), KILL_GRACE_MS);
      void connection.closed.then(() => clearTimeout(cut));
    },
  };
}

function cutOff(problem = 'it was closed'): Omit<ChannelEnd, 'launcherLog'> {
  return { reason: `The connection to the sandbox was lost (${problem}).`, lost: true };
}

/** Text that PostgreSQL can hold. */
function text(body: Buffer): string {
  return body.toString('utf8', 0, MAX_TEXT_BYTES).replaceAll('\0', '\uFFFD');
}

/** Bytes of input that may still be sent. */
function inputWindow() {
  let free = INPUT_WINDOW_BYTES;
  let closed = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  return {
    /** Resolves when `bytes` may be sent: false when the connection has ended. */
    async take(bytes: number): Promise<boolean> {
      while (free < bytes && !closed) await changed.promise;
      free -= bytes;
      return !closed;
    },
    /** The kernel has taken `bytes`. */
    open(bytes: number): void {
      free = Math.min(INPUT_WINDOW_BYTES, free + bytes);
      change();
    },
    close(): void {
      closed = true;
      change();
    },
  };
}
