/** The native part of Temporal's SDK, of which a process has one. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { MetricsExporterConfig } from '@temporalio/worker';
import { DefaultLogger, Runtime } from '@temporalio/worker';

import type { Logger } from '../config/log.ts';
import { addTemporal } from '../telemetry/exposition.ts';

/** The SDK's own logs join ours; signals are handled by the entry, which also stops what lies outside the worker. */
export async function installRuntime(log: Logger, withMetrics: boolean): Promise<void> {
  const port = withMetrics ? await freePort() : undefined;
  try {
    Runtime.install({
      shutdownSignals: [],
      logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
        // The workers of ingests and batches are meant to have activities only.
        if (message.startsWith('No workflows registered')) return;
        const write = level === 'ERROR' ? log.error : log.warn;
        write.call(log, { temporal: meta }, message);
      }),
      telemetryOptions: port === undefined ? {} : { metrics: exporterOn(port) },
    });
    if (port !== undefined) addTemporal(`http://127.0.0.1:${port}/metrics`);
  } catch {
    // Installed by an earlier worker of this process.
  }
}

/** It serves on a loopback port, from where this process's own page of metrics takes them. */
function exporterOn(port: number): MetricsExporterConfig {
  return {
    prometheus: {
      bindAddress: `127.0.0.1:${port}`,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
    },
  };
}

/** The exporter does not say which port it took, so it is given one. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
