/**
 * A gRPC server behind TLS, as Temporal Cloud is one: a proxy that ends TLS, demands a client certificate and a key, and
 * passes each call on to a plain server. It remembers what callers showed.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { connect, constants, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export type Certificate = { cert: string; private: string };
type Caller = {
  method: string;
  key: string;
  namespace: string | undefined;
  name: string;
};

export type TlsProxy = AsyncDisposable & { port: number; callers: Caller[] };

const UNAUTHENTICATED = '16';

export async function startTlsProxy(options: {
  target: string;
  server: Certificate;
  clientsCa: string;
  apiKey: string;
}): Promise<TlsProxy> {
  const callers: Caller[] = [];
  const upstream = connect(`http://${options.target}`, { peerMaxConcurrentStreams: 1_000 });
  const server = createSecureServer({
    cert: options.server.cert,
    key: options.server.private,
    ca: options.clientsCa,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('sessionError', () => {}).on('error', () => {});
  server.on('stream', (stream, headers) => {
    const caller = describe(stream, headers);
    callers.push(caller);
    if (caller.key !== `Bearer ${options.apiKey}`) refuse(stream);
    else pass(stream, upstream.request(plain(headers)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    callers,
    async [Symbol.asyncDispose]() {
      upstream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function describe(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Caller {
  const { subject } = (stream.session!.socket as TLSSocket).getPeerCertificate();
  return {
    method: String(headers[':path']).split('/').at(-1)!,
    key: String(headers['authorization'] ?? ''),
    namespace: headers['temporal-namespace'] as string | undefined,
    name: String(subject.CN),
  };
}

function refuse(stream: ServerHttp2Stream): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': UNAUTHENTICATED },
    { endStream: true },
  );
}

function plain(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { ':authority': _authority, ':scheme': _scheme, ...rest } = headers;
  return rest;
}

function pass(stream: ServerHttp2Stream, call: ReturnType<ReturnType<typeof connect>['request']>) {
  let trailers: IncomingHttpHeaders = {};
  call.on('response', (headers, flags) => {
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(headers, endStream ? { endStream } : { waitForTrailers: true });
  });
  call.on('trailers', (last) => (trailers = last));
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  // A caller that leaves ends its call, and the other way round.
  stream.on('error', () => {}).on('close', () => call.close(constants.NGHTTP2_CANCEL));
  call.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
  stream.pipe(call);
  call.pipe(stream);
}
