/** Counts what passes to the caller's project, and remembers whose the responses are that a model server keeps. */
import { priceOf } from '../../config/config.ts';
import { costOf } from '../../config/price.ts';
import { addModelUsage } from '../../db/projects/model-usage.ts';
import { rememberResponse } from '../../db/projects/passed-responses.ts';
import type { ReportAnswer } from '../../telemetry/model-span.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { TokenCounter } from '../../tokens/token-counter.ts';
import type { ApiContext } from '../context.ts';
import type { TextSample } from './split-body.ts';
import { SAMPLE } from './split-body.ts';
import type { Tap } from './upstream.ts';
import { isEventStream } from './upstream.ts';
import { createUsageMeter } from './usage-meter.ts';

export type Counted = {
  projectId: ProjectId;
  keyId: KeyId;
  endpoint: string;
  model: string;
  /** The texts of the request. Undefined: tokens that the server does not report are not estimated. */
  prompt: TextSample | undefined;
  report: ReportAnswer;
};

export function countingTap(context: ApiContext, counted: Counted, contentType: string): Tap {
  const { pool, log, tokens, config } = context;
  const { prompt, report, ...request } = counted;
  const isStream = isEventStream(contentType);
  const isText = isStream || contentType.includes('json');
  const meter = createUsageMeter(isStream, report !== undefined);
  let remembered = request.endpoint !== 'responses';
  // The answer is made and paid for: it is passed on even when the database is away.
  const lost = (error: unknown) => log.error({ err: error, ...request }, 'Usage was not recorded');
  return {
    async read(chunk) {
      if (isText) meter.read(chunk);
      const id = meter.responseId();
      if (remembered || id === undefined) return;
      remembered = true;
      await rememberResponse(pool, request.projectId, id, request.model).catch(lost);
    },
    async end() {
      const { reported, text, ...seen } = meter.end();
      const { promptTokens: inputTokens, completionTokens: outputTokens } = reported ?? {};
      report?.({ ...seen, inputTokens, outputTokens });
      const estimated = reported === undefined && prompt !== undefined;
      const answer = { sample: text.slice(0, SAMPLE), length: text.length };
      const texts = estimated ? [prompt, answer] : [];
      const [promptTokens = 0, completionTokens = 0] = await estimate(
        tokens,
        request.projectId,
        texts,
      ).catch((error: unknown) => {
        lost(error);
        return [];
      });
      const totalTokens = promptTokens + completionTokens;
      const counts = reported ?? { promptTokens, completionTokens, totalTokens };
      const cost = costOf(toCounts(counts), priceOf(config, request.model));
      await addModelUsage(pool, { ...request, ...counts, estimated, cost }).catch(lost);
    },
  };
}

/** Cached input and reasoning are priced as other tokens: the meter does not read them. */
const toCounts = (counts: { promptTokens: number; completionTokens: number }) => ({
  prompt_tokens: counts.promptTokens,
  completion_tokens: counts.completionTokens,
  cached_tokens: 0,
  reasoning_tokens: 0,
});

async function estimate(
  tokens: TokenCounter,
  projectId: ProjectId,
  texts: TextSample[],
): Promise<number[]> {
  const samples = texts.map(({ sample }) => sample);
  const counts = await tokens.count(projectId, samples);
  return counts.map((count, at) => Math.round(count * Math.max(1, texts[at]!.length / SAMPLE)));
}
