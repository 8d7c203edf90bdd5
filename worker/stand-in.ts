/**
 * Beats for a worker whose event loop is late. Heartbeats come from that loop: on a computer with too much to do it may
 * stand still for seconds, and Temporal would hand a turn that goes on to another worker, which asks the model again.
 */
import { Worker as Thread } from 'node:worker_threads';

import type { ActivityInterceptorsFactory } from '@temporalio/worker';

import type { ConfigOf } from '../config/config.ts';
import type { Logger } from '../config/log.ts';

export type StandInData = {
  /** Counts the turns of the loop: the thread sees when it stands still. */
  turns: Int32Array;
  address: string;
  namespace: string;
  security: ConfigOf<'worker'>['temporalSecurity'];
};
/** An activity that beats, by its task token, begins or ends. */
export type StandInNews = { token: string; runs: boolean };

export type StandIn = {
  interceptor: ActivityInterceptorsFactory;
  close(): Promise<unknown>;
};

const TURN_MS = 500;

export function startStandIn(
  temporalAddress: string,
  config: ConfigOf<'worker'>,
  log: Logger,
): StandIn {
  const turns = new Int32Array(new SharedArrayBuffer(4));
  const { temporalNamespace: namespace, temporalSecurity: security } = config;
  const workerData: StandInData = { turns, address: temporalAddress, namespace, security };
  const thread = new Thread(new URL('stand-in-thread.ts', import.meta.url), { workerData });
  thread.on('error', (err) => log.warn({ err }, 'Heartbeats come from the event loop alone'));
  const turning = setInterval(() => Atomics.add(turns, 0, 1), TURN_MS);
  const tell = (news: StandInNews) => thread.postMessage(news);
  return {
    interceptor: ({ info }) => ({
      inbound: {
        async execute(input, next) {
          if (info.heartbeatTimeoutMs === undefined) return next(input);
          const token = Buffer.from(info.taskToken).toString('base64');
          tell({ token, runs: true });
          try {
            return await next(input);
          } finally {
            tell({ token, runs: false });
          }
        },
      },
    }),
    close() {
      clearInterval(turning);
      return thread.terminate();
    },
  };
}
