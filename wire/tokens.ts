/**
 * Counts tokens with the o200k encoding. Exact for OpenAI's newer models and an estimate for others: it sizes context
 * windows and stands in for a usage report that a model server did not send.
 */
import { countTokens as count } from 'gpt-tokenizer/encoding/o200k_base';

import type { MessageContent } from './types.ts';

/** Text that looks like a control token counts as the plain text it is. */
const PLAIN = { disallowedSpecial: new Set<string>() };
/** A run without a space is one piece to the encoder, whose cost grows with its square: such text is counted in parts. */
const PART = 2_000;
/** What a model server charges for an image is not known here; OpenAI's low-detail price. */
export const IMAGE_TOKENS = 85;
/** Role and separators of one chat message. */
const MESSAGE_TOKENS = 4;

export function countTokens(text: string): number {
  let total = 0;
  for (let start = 0; start < text.length; start += PART) {
    total += count(text.slice(start, start + PART), PLAIN);
  }
  return total;
}

export function countContentTokens(content: MessageContent[]): number {
  let total = MESSAGE_TOKENS;
  for (const part of content) {
    if (part.type === 'text') total += countTokens(part.text.value);
    else if (part.type === 'refusal') total += countTokens(part.refusal);
    else total += IMAGE_TOKENS;
  }
  return total;
}
