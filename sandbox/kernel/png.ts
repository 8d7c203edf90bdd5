/** What can be known of a PNG without decoding it: the host never hands untrusted images to a decoder. */

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const HEADER = Buffer.from([0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
const HEADER_BYTES = 33;

/** Pixels of the image that `data` says it is; undefined when it does not begin as a PNG does. */
export function pngPixels(data: Buffer): number | undefined {
  if (data.length < HEADER_BYTES) return undefined;
  if (!data.subarray(0, 8).equals(SIGNATURE) || !data.subarray(8, 16).equals(HEADER)) {
    return undefined;
  }
  const pixels = data.readUInt32BE(16) * data.readUInt32BE(20);
  return pixels === 0 ? undefined : pixels;
}
