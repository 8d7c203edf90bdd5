/**
 * Spans of this process, by OpenTelemetry's semantic conventions; docs/tracing.md lists them. Tracing is off until
 * telemetry/start-tracing.ts sets a tracer. While it is off, `work` is called as it is.
 */
import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

let tracer: Tracer | undefined;

/** Undefined: tracing is off. */
export function setTracer(next: Tracer | undefined): void {
  tracer = next;
}

/** Whether a span is open here. */
export function isTraced(): boolean {
  return tracer !== undefined && trace.getActiveSpan() !== undefined;
}

/** W3C's `traceparent` and `tracestate`. */
export type TraceHeaders = Record<string, string>;

/** Those of the span that is open here, for a server or a row. Undefined without one. */
export function traceHeaders(): TraceHeaders | undefined {
  if (!isTraced()) return undefined;
  const headers: TraceHeaders = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** `work` is a part of the trace that these headers name, and of none without them. */
export function continueTrace<T>(headers: TraceHeaders | undefined, work: () => T): T {
  if (tracer === undefined) return work();
  return context.with(propagation.extract(ROOT_CONTEXT, headers ?? {}), work);
}

type SpanOptions = { name: string; attributes: Attributes; isRequest?: boolean };

/**
 * `work` in a span of the trace that is open here; outside a trace without one. It is called at once. `isRequest`: another
 * server does the work. The message of an error may hold content, so the span has its kind only.
 */
export function inSpan<T>(
  { name, attributes, isRequest = false }: SpanOptions,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (tracer === undefined || trace.getActiveSpan() === undefined) return work(undefined);
  const kind = isRequest ? SpanKind.CLIENT : SpanKind.INTERNAL;
  return tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setAttribute('error.type', kindOf(error)).setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

function kindOf(error: unknown): string {
  type Kinds = Record<'status' | 'code' | 'name', string | number | undefined | null>;
  const { status, code, name } = error as Kinds;
  return String(status ?? code ?? name ?? 'other');
}

/** The span of a statement has no text and no values of it. */
export function inStatement<T>(
  name: string | null,
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  if (!isTraced()) return work();
  const { operation, table } = summaryOf(text);
  const summary = table === undefined ? operation : `${operation} ${table}`;
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    'db.query.summary': summary,
    ...(table !== undefined && { 'db.collection.name': table }),
    ...(name !== null && { 'threadmill.statement': name }),
  };
  return inSpan({ name: summary, attributes, isRequest: true }, work);
}

const OPERATION = /\b(select|insert|update|delete)\b/i;
const TABLE = /\b(?:from|into|update(?! of))\s+(\w+)/i;

/** Of the outermost statement: what stands in parentheses is left out. */
function summaryOf(text: string): { operation: string; table: string | undefined } {
  let outer = text;
  for (let before = ''; before !== outer;) {
    before = outer;
    outer = before.replaceAll(/\([^()]*\)/g, ' ');
  }
  const operation = OPERATION.exec(outer)?.[1]?.toUpperCase() ?? 'QUERY';
  return { operation, table: TABLE.exec(outer)?.[1] };
}

export type RequestTrace = {
  run<T>(work: () => T): T;
  end(name: string, status: number, attributes: Attributes): void;
};

/** The span of a request to this server, in the trace that its sender named. Undefined while tracing is off. */
export function traceRequest(
  method: string,
  headers: Record<string, unknown>,
): RequestTrace | undefined {
  if (tracer === undefined) return undefined;
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const attributes = { 'http.request.method': method };
  const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
  const own = trace.setSpan(parent, span);
  return {
    run: (work) => context.with(own, work),
    end(name, status, more) {
      span.updateName(name).setAttributes({ ...more, 'http.response.status_code': status });
      if (status >= 500) {
        span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
