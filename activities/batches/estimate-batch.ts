/**
 * What a batch may cost, from its input: the tokens of a sample of the lines, spread over the file, and the bounds that they
 * set for their answers. Turns after a tool call, and messages of threads that exist, are not known before a run.
 */
import { readBlobFrom } from '../../db/blobs/blob-parts.ts';
import { readAssistants } from '../../db/batches/check-lines.ts';
import type { AssistantId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BatchEstimate } from '../../wire/types.ts';
import { costOf } from '../../config/price.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { readLines } from './read-lines.ts';

/** Lines whose tokens are counted. */
const SAMPLE = 500;
/** Fields of a body that hold an answer's bound, by endpoint. */
const BOUNDS = ['max_completion_tokens', 'max_tokens', 'max_output_tokens'] as const;

type Body = Record<string, unknown> & { assistant_id?: AssistantId; model?: string };
type Sampled = { model: string; texts: string[]; bound: number | undefined };

export async function estimateBatch(
  deps: ActivityDependencies,
  batch: BatchRow,
  signal: AbortSignal,
): Promise<BatchEstimate> {
  const bodies = await sampleBodies(deps, batch, signal);
  const known = await readAssistants(
    deps.pool,
    batch.project_id,
    bodies.flatMap(({ assistant_id: id }) => id ?? []),
    true,
  );
  const sampled = bodies.map((body): Sampled => {
    const assistant = body.assistant_id && known.get(body.assistant_id);
    return {
      model: body.model ?? assistant?.model ?? '',
      texts: [...textsOf(body), ...(assistant === undefined ? [] : [assistant.prompt])],
      bound: BOUNDS.map((name) => body[name]).find((bound) => typeof bound === 'number'),
    };
  });
  const inputs = await Promise.all(
    sampled.map(({ texts }) => deps.tokens.sum(batch.project_id, texts)),
  );
  return extrapolate(deps, batch.total, sampled, inputs);
}

async function sampleBodies(
  { pool }: ActivityDependencies,
  batch: BatchRow,
  signal: AbortSignal,
): Promise<Body[]> {
  const step = Math.ceil(batch.total / SAMPLE);
  const bodies: Body[] = [];
  let line = 0;
  const start = { chunk: 0, offset: 0 };
  for await (const { text = '' } of readLines(readBlobFrom(pool, batch.input_blob_id!, start))) {
    signal.throwIfAborted();
    if (text.trim() === '') continue;
    if (line % step === 0) bodies.push((JSON.parse(text.trim()) as { body: Body }).body);
    line += 1;
  }
  return bodies;
}

/** Every text of the body: names and settings are few beside the messages. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('data:') ? [] : [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function extrapolate(
  { priceOf }: ActivityDependencies,
  requests: number,
  sampled: readonly Sampled[],
  inputs: readonly number[],
): BatchEstimate {
  const scale = requests / sampled.length;
  const whole = (sum: number) => Math.round(sum * scale);
  const bounds = sampled.flatMap(({ bound }) => bound ?? []);
  const isBounded = bounds.length === sampled.length;
  const isPriced = sampled.every(({ model }) => priceOf(model) !== undefined);
  const cost = (withAnswers: boolean) =>
    sampled.reduce((sum, { model, bound = 0 }, index) => {
      const completion_tokens = withAnswers ? bound : 0;
      const counts = { prompt_tokens: inputs[index]!, completion_tokens };
      return sum + costOf({ ...counts, cached_tokens: 0, reasoning_tokens: 0 }, priceOf(model));
    }, 0) * scale;
  return {
    requests,
    sampled_requests: sampled.length,
    input_tokens: whole(inputs.reduce((sum, tokens) => sum + tokens, 0)),
    max_output_tokens: isBounded ? whole(bounds.reduce((sum, bound) => sum + bound, 0)) : null,
    input_usd: isPriced ? cost(false) : null,
    max_usd: isPriced && isBounded ? cost(true) : null,
  };
}
