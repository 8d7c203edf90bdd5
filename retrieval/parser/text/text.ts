/** Plain text and source code, as it is. */
import type { Piece } from '../../chunk-text.ts';
import { decodeText } from './decode.ts';

export async function* readText(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  for await (const text of decodeText(bytes)) yield { text };
}
