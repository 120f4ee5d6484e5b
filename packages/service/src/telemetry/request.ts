import { AsyncLocalStorage } from 'node:async_hooks';
import type { SpanContext } from '@opentelemetry/api';

/** The trace that a request belongs to. */
export interface RequestTrace {
  /** What the caller sent. */
  readonly parent: SpanContext | null;
  /** Of a trace that is kept; null until a span of it is sampled. */
  traceId: string | null;
}

const requests = new AsyncLocalStorage<RequestTrace>();

/** Runs what belongs to a request. */
export function withinRequest<T>(request: RequestTrace, run: () => T): T {
  return requests.run(request, run);
}

export function currentRequest(): RequestTrace | undefined {
  return requests.getStore();
}

/** What a log line says of the trace that it belongs to: a new object each time, for pino adds to it. */
export function traceFields(): { traceId?: string } {
  const traceId = requests.getStore()?.traceId;
  return typeof traceId === 'string' ? { traceId } : {};
}
