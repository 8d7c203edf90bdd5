/** The text that a page shows, in the encoding that browsers would find. */
import type { Piece } from '../../chunk-text.ts';
import { readMarkup } from '../markup.ts';
import { createPage } from './page.ts';
import { decodeText } from '../text/decode.ts';

const DECLARATION_BYTES = 1_024;
const XML_DECLARATION = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w:.-]+)/i;
const COMMENT = /<!--[^]*?(?:-->|$)/g;
const META = /<meta[\s/]([^>]*)/gi;
const ATTRIBUTE = /([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

export async function* readHtml(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  yield* readPage(decodeText(bytes, declaredEncoding));
}

export async function* readPage(text: AsyncIterable<string>): AsyncGenerator<Piece> {
  const page = createPage();
  for await (const _ of readMarkup(text, { xml: false }, page)) {
    const shown = page.take();
    if (shown !== '') yield { text: shown };
  }
  yield { text: page.end() };
}

/** The encoding of the XML declaration, or of a `meta` element among the first bytes. */
export function declaredEncoding(sample: Uint8Array): string | undefined {
  const beginning = Buffer.from(sample.subarray(0, DECLARATION_BYTES)).toString('latin1');
  const declared = XML_DECLARATION.exec(beginning)?.[1];
  if (declared !== undefined) return declared;
  for (const [, inside = ''] of beginning.replace(COMMENT, '').matchAll(META)) {
    const attributes = new Map<string, string>();
    for (const [, name = '', ...values] of inside.matchAll(ATTRIBUTE)) {
      attributes.set(name.toLowerCase(), values.find((value) => value !== undefined) ?? '');
    }
    const charset = attributes.get('charset');
    if (charset !== undefined) return charset.trim();
    if (attributes.get('http-equiv')?.toLowerCase() !== 'content-type') continue;
    const content = /charset\s*=\s*["']?\s*([^\s;"']+)/i.exec(attributes.get('content') ?? '');
    if (content !== null) return content[1];
  }
  return undefined;
}
