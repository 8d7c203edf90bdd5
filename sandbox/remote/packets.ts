/**
 * Packets between a worker and sandboxd: u8 kind, u32 length (big endian), body. One connection carries one kernel:
 *
 *   worker    input; readOutput, ignoreOutput, pause, resume, kill; ping
 *   sandboxd  output, frames; taken, used; launcherLog, then ended or lost; ping
 *
 * input, output and frames carry the bytes of the kernel's own pipes, which only the worker reads as frames.
 */
const KINDS = [
  'ping',
  'input',
  'readOutput',
  'ignoreOutput',
  'pause',
  'resume',
  'kill',
  'output',
  'frames',
  /** u32: the number of bytes of input that the kernel has taken. */
  'taken',
  /** Double: seconds of processor time that Python has used. */
  'used',
  /** What the launcher printed before Python ran. */
  'launcherLog',
  /** Why the kernel has ended, as a sentence; `lost` when its code is not the reason. */
  'ended',
  'lost',
] as const;

export type PacketKind = (typeof KINDS)[number];
export type Packet = { kind: PacketKind; body: Buffer };

/** The other side sent an invalid packet, or one out of turn. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

/** Bytes of input that may be on their way to the kernel. sandboxd holds no more for a kernel that does not read. */
export const INPUT_WINDOW_BYTES = 1024 * 1024;
const MAX_BODY_BYTES = 64 * 1024;
const HEAD_BYTES = 5;

/** The packets of one kind for a body of any length. The body's bytes are not copied. */
export function encodePackets(kind: PacketKind, body: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < body.length; at += MAX_BODY_BYTES) {
    const part = body.subarray(at, at + MAX_BODY_BYTES);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(KINDS.indexOf(kind), 0);
    head.writeUInt32BE(part.length, 1);
    packets.push(head, part);
  }
  return packets;
}

/** Returns a function that takes bytes as they arrive and returns the packets they complete. Throws ProtocolError. */
export function packetDecoder(): (chunk: Buffer) => Packet[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const packets: Packet[] = [];
    while (pending.length >= HEAD_BYTES) {
      const kind = KINDS[pending.readUInt8(0)];
      const end = HEAD_BYTES + pending.readUInt32BE(1);
      if (kind === undefined) throw new ProtocolError('a packet of an unknown kind');
      if (end > HEAD_BYTES + MAX_BODY_BYTES) throw new ProtocolError('a packet that is too long');
      if (pending.length < end) break;
      packets.push({ kind, body: pending.subarray(HEAD_BYTES, end) });
      pending = pending.subarray(end);
    }
    return packets;
  };
}
