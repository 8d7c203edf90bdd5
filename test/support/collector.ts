/** A collector of traces: it takes OTLP as protobuf over HTTP, and keeps the spans. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

import { parse } from 'protobufjs';

/** The part of opentelemetry/proto/trace/v1/trace.proto that is read here, with its numbers. */
const SCHEMA = `syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    repeated Event events = 11; Status status = 15; }
  message Event { string name = 2; repeated KeyValue attributes = 3; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; } }
  message ArrayValue { repeated AnyValue values = 1; }`;
const Request = parse(SCHEMA, { keepCase: true }).root.lookupType('Request');

type Value = { values?: Value } & Record<string, unknown>;
type KeyValue = { key: string; value: Value };
type RawSpan = {
  trace_id: string;
  span_id: string;
  parent_span_id?: string;
  name: string;
  kind: number;
  start_time_unix_nano: string;
  end_time_unix_nano: string;
  attributes?: KeyValue[];
};
type RawRequest = {
  resource_spans: {
    resource: { attributes: KeyValue[] };
    scope_spans: { spans: RawSpan[] }[];
  }[];
};

export type CollectedSpan = {
  traceId: string;
  spanId: string;
  /** Empty: the first of its trace. */
  parentId: string;
  name: string;
  kind: 'internal' | 'server' | 'client';
  service: string;
  attributes: Record<string, unknown>;
};

export type Collector = AsyncDisposable & {
  /** Without a path. */
  url: string;
  spans: CollectedSpan[];
  /** Of the last request. */
  headers: IncomingHttpHeaders;
  /** All that arrived, to look for what must not be there. */
  bytes: () => string;
};

export async function startCollector(): Promise<Collector> {
  const received: Buffer[] = [];
  const state: Pick<Collector, 'spans' | 'headers'> = { spans: [], headers: {} };
  const server = createServer((request, response) => {
    void buffer(request).then((sent) => {
      state.headers = request.headers;
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      received.push(body);
      state.spans.push(...spansOf(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => Buffer.concat(received).toString('latin1'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

const KINDS: Record<number, CollectedSpan['kind']> = { 1: 'internal', 2: 'server', 3: 'client' };
const hex = (base64 = '') => Buffer.from(base64, 'base64').toString('hex');

function spansOf(body: Buffer): CollectedSpan[] {
  const options = { bytes: String, longs: String };
  const request = Request.toObject(Request.decode(body), options) as RawRequest;
  return request.resource_spans.flatMap(({ resource, scope_spans: scopes }) => {
    const service = String(attributesOf(resource.attributes)['service.name']);
    return scopes.flatMap(({ spans }) => spans.map((span) => toSpan(span, service)));
  });
}

const toSpan = (span: RawSpan, service: string): CollectedSpan => ({
  traceId: hex(span.trace_id),
  spanId: hex(span.span_id),
  parentId: hex(span.parent_span_id),
  name: span.name,
  kind: KINDS[span.kind]!,
  service,
  attributes: attributesOf(span.attributes),
});

function attributesOf(pairs: KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
