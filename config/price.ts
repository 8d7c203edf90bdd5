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
  /** Factor of answers that came in a batch of the model server. 1 unless it is set. */
  batch: z.number().min(0).max(1).optional(),
});

export type ModelPrice = z.infer<typeof priceSchema>;

type Counts = {
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
};

/** In US dollars. A model without a price costs nothing. Cached tokens are part of the prompt, and reasoning of the completion. */
export function costOf(counts: Counts, price: ModelPrice | undefined, isBatch = false): number {
  if (price === undefined) return 0;
  const { input, cached_input: cached = input, output, reasoning = output, batch = 1 } = price;
  const cachedTokens = Math.min(counts.cached_tokens, counts.prompt_tokens);
  const reasoningTokens = Math.min(counts.reasoning_tokens, counts.completion_tokens);
  const sum =
    (counts.prompt_tokens - cachedTokens) * input +
    cachedTokens * cached +
    (counts.completion_tokens - reasoningTokens) * output +
    reasoningTokens * reasoning;
  return (sum / 1_000_000) * (isBatch ? batch : 1);
}
