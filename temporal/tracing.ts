/** Temporal's own interceptors of a client: the headers of a start, signal or cancel carry the trace that it is a part of. */
import type { WorkflowClientInterceptor } from '@temporalio/client';

import { spanSink } from '../telemetry/start-tracing.ts';

/** While tracing is off there are none, and the package is not loaded. */
export async function clientInterceptors(): Promise<{ workflow?: WorkflowClientInterceptor[] }> {
  if (spanSink() === undefined) return {};
  const { OpenTelemetryWorkflowClientInterceptor } =
    await import('@temporalio/interceptors-opentelemetry/lib/client/index.js');
  const client = new OpenTelemetryWorkflowClientInterceptor();
  // Not `describe`: the reconciler's looks at workflows belong to no trace.
  const calls = ['startWithDetails', 'signal', 'signalWithStart', 'cancel'] as const;
  return { workflow: [Object.fromEntries(calls.map((call) => [call, client[call].bind(client)]))] };
}
