/**
 * One gRPC question to a Temporal server without a client library: does the namespace exist? It is answered only
 * when the frontend, its database and the namespace are all there. gRPC frame: 0, length (4 bytes), protobuf message.
 */
import { connect } from 'node:http2';

const PATH = '/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace';
const STATES = {
  0: 'ready',
  5: 'no namespace',
  7: 'refused', // permission denied
  16: 'refused', // unauthenticated
} as const;

export type Health = {
  state: 'ready' | 'no namespace' | 'refused' | 'no answer';
  /** Why there was no answer, as far as is known. */
  reason: string;
};

/** As connections of the SDK take it. */
type Security = {
  tls?: {
    serverRootCACertificate?: Buffer;
    clientCertPair?: { crt: Buffer; key: Buffer };
    serverNameOverride?: string;
  };
  apiKey?: string;
};

/** Asks `address` (host:port) about `namespace`; any failure to answer in time is 'no answer'. */
export function temporalHealth(
  address: string,
  namespace = 'default',
  timeoutMs = 2_000,
  { tls, apiKey }: Security = {},
): Promise<Health> {
  const url = `${tls === undefined ? 'http' : 'https'}://${address}`;
  if (!URL.canParse(url)) return Promise.resolve({ state: 'no answer', reason: '' });
  return new Promise((resolve) => {
    const session = connect(url, tlsOptions(tls));
    const end = (state: Health['state'], reason = '') => {
      session.destroy();
      resolve({ state, reason });
    };
    // Of a request that its connection took along, the connection's reason.
    const lost = (error?: Error) =>
      end('no answer', ((error?.cause as Error | undefined) ?? error)?.message);
    session.on('error', lost);
    session.setTimeout(timeoutMs, () => lost());
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      'temporal-namespace': namespace,
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    });
    // The status is in the trailers, or in the headers when there is no message.
    const read = ({ 'grpc-status': status }: Record<string, unknown>) => {
      if (status !== undefined) {
        end(STATES[status as unknown as keyof typeof STATES] ?? 'no answer');
      }
    };
    stream.on('response', read).on('trailers', read);
    stream.on('error', lost).on('close', () => lost());
    stream.resume();
    stream.end(question(namespace));
  });
}

function tlsOptions(tls: Security['tls']): object {
  return {
    ...(tls?.serverRootCACertificate && { ca: tls.serverRootCACertificate }),
    ...(tls?.clientCertPair && { cert: tls.clientCertPair.crt, key: tls.clientCertPair.key }),
    ...(tls?.serverNameOverride && { servername: tls.serverNameOverride }),
  };
}

/** DescribeNamespaceRequest { namespace = 1 }. */
function question(namespace: string): Buffer {
  const name = Buffer.from(namespace);
  const message = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
