/**
 * Packets on the only pipe of the process around Pyodide: a secret, u8 channel, u32 length, bytes. Code in a cell can write to
 * that pipe but does not know the secret, so bytes between packets are dropped. The content of packets is untrusted too.
 */

/** The stream that a packet's bytes belong to. */
export const OUTPUT = 1;
export const FRAMES = 2;

const HEAD_BYTES = 5;

/** Returns a function that takes bytes as they arrive and passes the content of packets on, without waiting for whole packets. */
export function packetDecoder(
  secret: Buffer,
  give: (channel: number, bytes: Buffer) => void,
): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  let channel = 0;
  let left = 0;
  return (chunk) => {
    let data = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (data.length > 0) {
      if (left === 0) {
        data = fromSecret(data, secret);
        if (data.length < secret.length + HEAD_BYTES) break;
        channel = data.readUInt8(secret.length);
        left = data.readUInt32BE(secret.length + 1);
        data = data.subarray(secret.length + HEAD_BYTES);
      }
      const part = data.subarray(0, left);
      left -= part.length;
      data = data.subarray(part.length);
      if (part.length > 0) give(channel, part);
    }
    pending = data;
  };
}

/** The bytes from the first secret on. Without a secret, the last bytes, which may be the beginning of one. */
function fromSecret(data: Buffer, secret: Buffer): Buffer {
  const at = data.indexOf(secret);
  return data.subarray(at >= 0 ? at : Math.max(0, data.length - secret.length + 1));
}
