import { type SpanContext, TraceFlags, createTraceState, isSpanContextValid } from '@opentelemetry/api';

/** W3C Trace Context, section 3.2: version, trace id, id of the parent span, flags. A later version may add to it. */
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const VERSION = '00';
const NO_VERSION = 'ff';

/** Reads the headers `traceparent` and `tracestate`; null for what is not well-formed, which is as good as none. */
export function readTraceparent(traceparent: unknown, tracestate?: unknown): SpanContext | null {
  if (typeof traceparent !== 'string') return null;
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === NO_VERSION || (version === VERSION && rest !== undefined)) return null;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  if (!isSpanContextValid(spanContext)) return null;
  return typeof tracestate === 'string' ? { ...spanContext, traceState: createTraceState(tracestate) } : spanContext;
}

/** The header `traceparent` of what follows from a span; '' for one that is not sampled. */
export function traceparentOf(span: SpanContext): string {
  if (!isSampled(span)) return '';
  return `${VERSION}-${span.traceId}-${span.spanId}-0${TraceFlags.SAMPLED}`;
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}
