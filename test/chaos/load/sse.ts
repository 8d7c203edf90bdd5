/** Server-sent events as they came: the data is not parsed, because it will be compared byte for byte. */

export type Frame = { id: number | undefined; event: string; data: string };

/** `onBytes` also hears keep-alives. @throws what the connection throws when it breaks */
export async function* readFrames(
  body: AsyncIterable<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    onBytes();
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield toFrame(block);
  }
}

/** Lines that are comments have no name. */
function toFrame(block: string): Frame {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const id = fields.get('id');
  return {
    id: id === undefined ? undefined : Number(id),
    event: fields.get('event') ?? '',
    data: fields.get('data') ?? '',
  };
}
