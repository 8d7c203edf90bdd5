/**
 * One gRPC question to a Temporal server without a client library: does the namespace exist? It is answered only
 * when the frontend, its database and the namespace are all there. gRPC frame: 0, length (4 bytes), protobuf message.
 */
import { connect } from 'node:http2';

const PATH = '/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace';
const NOT_FOUND = '5';

export type Health = 'ready' | 'no namespace' | 'no answer';

/** Asks `address` (host:port, without TLS) about `namespace`; any failure to answer in time is 'no answer'. */
export function temporalHealth(
  address: string,
  namespace = 'default',
  timeoutMs = 2_000,
): Promise<Health> {
  if (!URL.canParse(`http://${address}`)) return Promise.resolve('no answer');
  return new Promise((resolve) => {
    const session = connect(`http://${address}`);
    const end = (health: Health) => {
      session.destroy();
      resolve(health);
    };
    session.on('error', () => end('no answer'));
    session.setTimeout(timeoutMs, () => end('no answer'));
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    // The status is in the trailers, or in the headers when there is no message.
    const read = ({ 'grpc-status': status }: Record<string, unknown>) => {
      if (status !== undefined)
        end(status === '0' ? 'ready' : status === NOT_FOUND ? 'no namespace' : 'no answer');
    };
    stream.on('response', read).on('trailers', read);
    stream.on('error', () => end('no answer')).on('close', () => end('no answer'));
    stream.resume();
    stream.end(question(namespace));
  });
}

/** DescribeNamespaceRequest { namespace = 1 }. */
function question(namespace: string): Buffer {
  const name = Buffer.from(namespace);
  const message = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
