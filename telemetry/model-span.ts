/** The span of a request to a model server, by OpenTelemetry's conventions for generative AI. */
import { SpanStatusCode } from '@opentelemetry/api';

import { inSpan, isTraced, traceHeaders } from './trace.ts';

/** `endpoint` is below /v1. */
type Asked = { endpoint: string; model: string; baseUrl: string };

type Answer = {
  status?: number;
  model?: string | undefined;
  finishReasons?: string[] | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
};

/** Adds to the span, which leaves out what is undefined. There is no function without a span. */
export type ReportAnswer = ((answer: Answer) => void) | undefined;

/** The convention's names. Other endpoints are named by their path. */
const OPERATIONS: Record<string, string> = {
  'chat/completions': 'chat',
  responses: 'chat',
  completions: 'text_completion',
};

/** The server gets the trace of this span from `traceHeaders`. */
export function inModelSpan<T>(
  { endpoint, model, baseUrl }: Asked,
  work: (report: ReportAnswer) => Promise<T>,
): Promise<T> {
  if (!isTraced()) return work(undefined);
  const operation = OPERATIONS[endpoint] ?? endpoint;
  const attributes = {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': model,
    'server.address': new URL(baseUrl).hostname,
  };
  return inSpan({ name: `${operation} ${model}`, attributes, isRequest: true }, (span) =>
    work(({ status = 200, finishReasons = [], ...answer }) => {
      span?.setAttributes({
        'gen_ai.response.model': answer.model,
        'gen_ai.response.finish_reasons': finishReasons.length > 0 ? finishReasons : undefined,
        'gen_ai.usage.input_tokens': answer.inputTokens,
        'gen_ai.usage.output_tokens': answer.outputTokens,
      });
      if (status < 400) return;
      span?.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
    }),
  );
}

type Choice = { finish_reason?: string };
const reasonOf = (choice: Choice | null) => choice?.finish_reason ?? [];

/** What the span says of a whole answer, which may have any shape. The Responses API names its tokens otherwise. */
export function describeAnswer(body: unknown): Answer {
  type Usage = Partial<Record<`${'prompt' | 'input' | 'completion' | 'output'}_tokens`, number>>;
  type Body = { model?: string; choices?: (Choice | null)[]; usage?: Usage };
  const { model, choices, usage } = (body ?? {}) as Body;
  return {
    model,
    finishReasons: Array.isArray(choices) ? choices.flatMap(reasonOf) : [],
    inputTokens: usage?.prompt_tokens ?? usage?.input_tokens,
    outputTokens: usage?.completion_tokens ?? usage?.output_tokens,
  };
}

/** For the client of an embeddings server: each request in a span. */
export function embeddingSpans(target: Omit<Asked, 'endpoint'>) {
  return (send: (headers: Record<string, string>) => Promise<unknown>): Promise<unknown> =>
    inModelSpan({ ...target, endpoint: 'embeddings' }, async (report) => {
      const answer = await send(traceHeaders() ?? {});
      report?.(describeAnswer(answer));
      return answer;
    });
}
