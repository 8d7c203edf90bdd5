/** The tokens that a model server reports with an answer, in the words of chat completions or in those of responses. Pure. */
import { fieldsOf } from './errors/foreign-errors.ts';
import type { TokenCounts } from './rows.ts';

/** 0 for what it does not report. */
export function readUsage(usage: unknown): TokenCounts & { total_tokens: number } {
  const fields = fieldsOf(usage);
  const read = (...names: string[]) => names.map((name) => fields[name]).find(Boolean);
  const prompt_tokens = count(read('prompt_tokens', 'input_tokens'));
  const completion_tokens = count(read('completion_tokens', 'output_tokens'));
  const input = fieldsOf(read('prompt_tokens_details', 'input_tokens_details'));
  const output = fieldsOf(read('completion_tokens_details', 'output_tokens_details'));
  return {
    prompt_tokens,
    completion_tokens,
    cached_tokens: count(input['cached_tokens']),
    reasoning_tokens: count(output['reasoning_tokens']),
    total_tokens: count(fields['total_tokens']) || prompt_tokens + completion_tokens,
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < 2 ** 31 ? Math.floor(value) : 0;
}
