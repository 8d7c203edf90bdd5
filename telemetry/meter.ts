/** Where this process keeps its figures, and the kinds of instruments. telemetry/metrics.ts declares the instruments. */
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** Figures are kept from the start of the process, also while nobody asks for them. It listens on no port of its own. */
export const reader = new PrometheusExporter({ preventServerStart: true });

export const meter = new MeterProvider({ readers: [reader] }).getMeter('threadmill');

/** Boundaries in seconds: of what a database or a server does, and of what a model or a person does. */
export const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
export const LONG = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 600, 3_600];

export function secondsHistogram(name: string, description: string, boundaries: number[]) {
  const advice = { explicitBucketBoundaries: boundaries };
  return meter.createHistogram(name, { unit: 's', description, advice });
}

/** The first `most` values keep their names: projects and models must not make the number of series grow for ever. */
export function bounded(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.size < most) known.add(value);
    return known.has(value) ? value : 'other';
  };
}
