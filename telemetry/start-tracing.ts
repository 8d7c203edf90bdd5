/**
 * Turns tracing on where the settings name a collector. Only then OpenTelemetry's SDK is loaded. It reads the other
 * variables of its specification by itself, such as OTEL_TRACES_SAMPLER, OTEL_BSP_SCHEDULE_DELAY or OTEL_RESOURCE_ATTRIBUTES.
 */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';

import { setTracer } from './trace.ts';

export type TracingSettings = {
  otlpEndpoint: string | undefined;
  otlpTracesEndpoint: string | undefined;
  /** `name=value` pairs, separated by commas, with escapes as in a URL. */
  otlpHeaders: string | undefined;
};

/** Where spans go that were made elsewhere: those of workflows. */
export type SpanSink = { processor: SpanProcessor; resource: Resource };

let sink: SpanSink | undefined;

/** Undefined while tracing is off. */
export function spanSink(): SpanSink | undefined {
  return sink;
}

/** One for a process, before its other parts start. The returned function sends what is left. */
export async function startTracing(
  settings: TracingSettings,
  service: string,
  warn: (message: string) => void,
): Promise<() => Promise<void>> {
  const url = collectorOf(settings);
  if (url === undefined) return async () => {};
  const [
    sdk,
    { OTLPTraceExporter },
    core,
    { detectResources, envDetector, resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ]);
  diag.setLogger({ ...SILENT, warn, error: warn }, DiagLogLevel.WARN);
  const own = resourceFromAttributes({ 'service.name': service });
  const resource = own.merge(detectResources({ detectors: [envDetector] }));
  const exporter = new OTLPTraceExporter({ url, headers: pairsOf(settings.otlpHeaders) });
  const processor = new sdk.BatchSpanProcessor(exporter);
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [processor] });
  // Without the propagator of baggage: what callers put there is not for model servers.
  provider.register({ propagator: new core.W3CTraceContextPropagator() });
  setTracer(provider.getTracer('threadmill'));
  sink = { processor, resource };
  return () => provider.shutdown();
}

/** Undefined: there is to be no tracing. */
export function collectorOf(settings: TracingSettings): string | undefined {
  const { otlpEndpoint: server, otlpTracesEndpoint } = settings;
  return otlpTracesEndpoint ?? (server && `${server.replace(/\/$/, '')}/v1/traces`);
}

const SILENT = { verbose() {}, debug() {}, info() {} };

function pairsOf(text = ''): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.includes('='));
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
    }),
  );
}
