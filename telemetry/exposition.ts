/** The figures of this process in Prometheus's text format. */
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

import { reader } from './meter.ts';

const serializer = new PrometheusSerializer('', false, undefined, true, true);

/** The version of the text format that the serializer writes. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Less than Prometheus's own 10 s, so that a source that hangs does not cost the others. */
const PATIENCE_MS = 5_000;

/** Where Temporal's SDK serves its own figures; undefined while it does not. */
let temporalUrl: string | undefined;

export function addTemporal(url: string): void {
  temporalUrl = url;
}

export async function sendMetrics(response: ServerResponse): Promise<void> {
  const [own, temporal] = await Promise.all([ownMetrics(), temporalMetrics()]);
  response.setHeader('content-type', CONTENT_TYPE);
  response.setHeader('cache-control', 'no-store');
  response.end(`${own}\n${temporal}`);
}

async function ownMetrics(): Promise<string> {
  const { resourceMetrics } = await reader.collect({ timeoutMillis: PATIENCE_MS });
  return serializer.serialize(withUnits(resourceMetrics));
}

const UNITS: Record<string, string> = { s: '_seconds', By: '_bytes' };

/** The rules from OpenTelemetry to Prometheus put the unit into the name; the serializer does not. */
function withUnits({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  const rename = (metric: ResourceMetrics['scopeMetrics'][number]['metrics'][number]) => {
    const { name, unit } = metric.descriptor;
    const descriptor = { ...metric.descriptor, name: `${name}${UNITS[unit] ?? ''}`, unit: '' };
    return { ...metric, descriptor };
  };
  return {
    resource,
    scopeMetrics: scopeMetrics.map((each) => ({ ...each, metrics: each.metrics.map(rename) })),
  };
}

async function temporalMetrics(): Promise<string> {
  if (temporalUrl === undefined) return '';
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetch(temporalUrl, { signal }).then(
    (response) => response.text(),
    (error: Error) => `# The figures of Temporal's SDK are missing: ${error.name}\n`,
  );
}

export type MetricsServer = { url: string; close(): Promise<void> };

/** Serves them on a port of their own, to whoever reaches it. @throws the error of listen(), such as EADDRINUSE */
export async function serveMetrics(address: {
  host: string;
  port: number;
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const isAsked = request.method === 'GET' && request.url?.split('?')[0] === '/metrics';
    if (!isAsked) return void response.writeHead(404).end();
    return void sendMetrics(response).catch(() => response.destroy());
  });
  await listen(server, address);
  const { address: host, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}
