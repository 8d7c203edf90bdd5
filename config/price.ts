/** Prices of a model in US dollars for 1,000,000 tokens, and what an answer costs by them. */
import { z } from 'zod';

const amount = z.number().min(0).max(1_000_000);

export const priceSchema = z.strictObject({
  input: amount,
  /** As `input` unless it is set. */
  cached_input: amount.optional(),
  output: amount,
  /** As `output` unless it is set. */
  reasoning: amount.optional(),
});

export type ModelPrice = z.infer<typeof priceSchema>;

type Counts = {
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
};

/** In US dollars. A model without a price costs nothing. Cached tokens are part of the prompt, and reasoning of the completion. */
export function costOf(counts: Counts, price: ModelPrice | undefined): number {
  if (price === undefined) return 0;
  const { input, cached_input: cached = input, output, reasoning = output } = price;
  const cachedTokens = Math.min(counts.cached_tokens, counts.prompt_tokens);
  const reasoningTokens = Math.min(counts.reasoning_tokens, counts.completion_tokens);
  const sum =
    (counts.prompt_tokens - cachedTokens) * input +
    cachedTokens * cached +
    (counts.completion_tokens - reasoningTokens) * output +
    reasoningTokens * reasoning;
  return sum / 1_000_000;
}
