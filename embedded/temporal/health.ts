/**
 * Asks a Temporal server whether a namespace exists, by gRPC without a client library, which loads slowly. The server
 * answers only when its frontend and its database work.
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
  /** Why there was no answer, or empty. */
  reason: string;
};

/** The options that connections of the SDK take. */
type Security = {
  tls?: {
    serverRootCACertificate?: Buffer;
    clientCertPair?: { crt: Buffer; key: Buffer };
    serverNameOverride?: string;
  };
  apiKey?: string;
};

/** Asks `address` (host:port) about `namespace`; any failure within the time is 'no answer'. */
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
    // A request that fails with its connection has the connection's reason as its cause.
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
    // The status is in the trailers, or in the headers of an answer without a message.
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

/** A gRPC frame: 0, the message's length in four bytes, and DescribeNamespaceRequest { namespace = 1 } as protobuf. */
function question(namespace: string): Buffer {
  const name = Buffer.from(namespace);
  // A varint: seven bits a byte, the lowest first. Names have at most 1000 bytes, so two bytes are enough.
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7];
  const message = Buffer.concat([Buffer.from([0x0a, ...length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
