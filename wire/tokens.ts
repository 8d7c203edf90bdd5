/**
 * Counts tokens with the o200k encoding. Exact for OpenAI's newer models and an estimate for others: it sizes context
 * windows and stands in for a usage report that a model server did not send.
 */
import { countTokens as count, setMergeCacheSize } from 'gpt-tokenizer/encoding/o200k_base';

import type { MessageContent } from './types.ts';

/** Text that looks like a control token counts as the plain text it is. */
const PLAIN = { disallowedSpecial: new Set<string>() };
/** A run without a space is one piece to the encoder, whose cost grows with its square: such text is counted in parts. */
export const TOKEN_PART = 2_000;
/** Pieces of text that the encoder remembers: at most about 12 kB each, where its default is 100,000. */
setMergeCacheSize(5_000);
/** What a model server charges for an image is not known here; OpenAI's low-detail price. */
export const IMAGE_TOKENS = 85;
/** Role and separators of one chat message. */
const MESSAGE_TOKENS = 4;

export function countTokens(text: string): number {
  let total = 0;
  for (let start = 0; start < text.length; start += TOKEN_PART) {
    total += count(text.slice(start, start + TOKEN_PART), PLAIN);
  }
  return total;
}

/** The texts of a message that count. */
export function textsOf(content: MessageContent[]): string[] {
  return content.flatMap((part) => {
    if (part.type === 'text') return [part.text.value];
    return part.type === 'refusal' ? [part.refusal] : [];
  });
}

/** The tokens of a message beside those of its texts. */
export function tokensBesideTexts(content: MessageContent[]): number {
  return MESSAGE_TOKENS + IMAGE_TOKENS * (content.length - textsOf(content).length);
}
