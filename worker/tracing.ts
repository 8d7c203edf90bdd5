/** Temporal's own interceptors of a worker: activities continue the trace of their workflow, whose spans come from its isolate. */
import { createTraceState } from '@opentelemetry/api';
import type { OpenTelemetrySinks } from '@temporalio/interceptors-opentelemetry/lib/workflow/definitions.js';
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';

import type { SpanSink } from '../telemetry/start-tracing.ts';
import { spanSink } from '../telemetry/start-tracing.ts';

export type WorkerTracing = {
  activity: ActivityInterceptorsFactory;
  /** For the worker of workflows, whose bundle must be the one with tracing. */
  sinks: InjectedSinks<OpenTelemetrySinks>;
};

/** Undefined while tracing is off: then the package is not loaded. */
export async function workerTracing(): Promise<WorkerTracing | undefined> {
  const sink = spanSink();
  if (sink === undefined) return undefined;
  const { OpenTelemetryActivityInboundInterceptor } =
    await import('@temporalio/interceptors-opentelemetry/lib/worker/index.js');
  return {
    activity: (context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context) }),
    sinks: { exporter: { export: { fn: (info, spans) => passSpans(sink, info, spans) } } },
  };
}

type Spans = Parameters<OpenTelemetrySinks['exporter']['export']>[0];

/** The package makes spans of OpenTelemetry's SDK 1, two of whose fields have other names in SDK 2. */
function passSpans(
  { processor, resource }: SpanSink,
  { workflowId, runId }: { workflowId: string; runId: string },
  spans: Spans,
): void {
  for (const { spanContext, parentSpanId, instrumentationLibrary, ...span } of spans) {
    const { traceState, ...own } = spanContext;
    const context = traceState ? { ...own, traceState: createTraceState(traceState) } : own;
    processor.onEnd({
      ...span,
      attributes: { ...span.attributes, temporalWorkflowId: workflowId, run_id: runId },
      resource,
      instrumentationScope: instrumentationLibrary,
      spanContext: () => context,
      ...(parentSpanId !== undefined && { parentSpanContext: { ...own, spanId: parentSpanId } }),
    });
  }
}
