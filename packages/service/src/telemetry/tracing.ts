import type { IncomingHttpHeaders } from 'node:http';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  context,
  trace,
} from '@opentelemetry/api';
import { type RequestTrace, currentRequest } from './request.ts';
import { isSampled, readTraceparent, traceparentOf } from './traceparent.ts';

/** What a span is made with; null while there are none, and everything here then costs one look at it. */
let tracer: Tracer | null = null;
/** Of this process: the id of an edge. */
let instance = '';

export function useTracer(next: Tracer | null, ofInstance = ''): void {
  tracer = next;
  instance = ofInstance;
}

export function isTracing(): boolean {
  return tracer !== null;
}

/** A span that is under way. */
export interface OpenSpan {
  /** For what follows from it elsewhere: the W3C header, '' unless the span is sampled. */
  readonly traceparent: string;
  set(attributes: Attributes): void;
}

const NO_SPAN: OpenSpan = { traceparent: '', set: () => undefined };
const SYSTEM = { 'messaging.system': 'holdfast' };

/** The trace that a request belongs to, by its headers. */
export function requestTrace({ traceparent, tracestate }: IncomingHttpHeaders): RequestTrace {
  const parent = readTraceparent(traceparent, tracestate);
  return { parent, traceId: parent !== null && isSampled(parent) ? parent.traceId : null };
}

export interface Publication {
  /** Null for messages to several topics. */
  readonly topic: string | null;
  /** How many, when there may be more than one. */
  readonly messages?: number;
  readonly bytes?: number;
}

/** The span of a publish call. Its `traceparent` goes with the message. */
export function tracePublish<T>(
  { topic, messages, bytes }: Publication,
  run: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  if (tracer === null) return run(NO_SPAN);
  const attributes = {
    ...SYSTEM,
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    ...(topic !== null && { 'messaging.destination.name': topic }),
    ...(messages !== undefined && { 'messaging.batch.message_count': messages }),
    ...(bytes !== undefined && { 'messaging.message.body.size': bytes }),
  };
  const name = topic === null ? 'publish' : `publish ${topic}`;
  return during(tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes }, contextOfRequest()), run);
}

export interface Delivery {
  readonly topic: string;
  readonly id: string;
  /** Of the publish. */
  readonly traceparent: string;
  /** When the message was received, in milliseconds since 1970. */
  readonly receivedAt: number;
  /** Connections that it was written to. */
  readonly receivers: number;
  /** Connections that were behind, and are sent it later. */
  readonly lagging: number;
  /** It was read from the log: the live message was missed. */
  readonly caughtUp: boolean;
}

/**
 * The span of one message on one edge, from its arrival to the last write. It is a child of the publish, so that it is kept
 * when the publish is, and has a link to it, as one of many that the publish caused.
 */
export function traceDelivery(delivery: Delivery): void {
  if (tracer === null) return;
  const published = readTraceparent(delivery.traceparent);
  if (published === null) return;
  const attributes = {
    ...SYSTEM,
    'messaging.operation.name': 'deliver',
    'messaging.operation.type': 'process',
    'messaging.destination.name': delivery.topic,
    'messaging.message.id': delivery.id,
    'holdfast.edge': instance,
    'holdfast.receivers': delivery.receivers,
    'holdfast.lagging': delivery.lagging,
    'holdfast.caught_up': delivery.caughtUp,
  };
  const options = {
    kind: SpanKind.CONSUMER,
    attributes,
    startTime: delivery.receivedAt,
    links: [{ context: published }],
  };
  tracer.startSpan(`deliver ${delivery.topic}`, options, trace.setSpanContext(ROOT_CONTEXT, published)).end();
}

/** The span of a claim by a handshake. It begins a trace: who shakes hands has no say in what is traced. */
export function traceClaim<T>(run: (span: OpenSpan) => Promise<T>): Promise<T> {
  if (tracer === null) return run(NO_SPAN);
  const attributes = { 'holdfast.edge': instance };
  return during(tracer.startSpan('claim', { kind: SpanKind.SERVER, attributes }, ROOT_CONTEXT), run);
}

/** The span of a resume, from its frame to the welcome. `claim` is the traceparent of the claim, if that is traced. */
export function traceResume<T>(
  { claim, topics }: { claim: string | undefined; topics: number },
  run: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  if (tracer === null) return run(NO_SPAN);
  const attributes = { 'holdfast.edge': instance, 'holdfast.topics': topics };
  return during(tracer.startSpan('resume', { kind: SpanKind.SERVER, attributes }, contextOf(claim)), run);
}

export interface WebhookCall {
  readonly endpoint: string;
  readonly events: number;
  /** 1 for the first try. */
  readonly attempt: number;
}

/** The span of one try to deliver to a webhook endpoint. Its `traceparent`, if any, may go out as a header. */
export function traceWebhook<T>(
  { endpoint, events, attempt }: WebhookCall,
  run: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  if (tracer === null) return run(NO_SPAN);
  const attributes = {
    'holdfast.webhook.endpoint': endpoint,
    'messaging.batch.message_count': events,
    'http.request.method': 'POST',
    'http.request.resend_count': attempt - 1,
  };
  return during(tracer.startSpan(`webhook ${endpoint}`, { kind: SpanKind.CLIENT, attributes }, ROOT_CONTEXT), run);
}

async function during<T>(span: Span, run: (open: OpenSpan) => Promise<T>): Promise<T> {
  const spanContext = span.spanContext();
  const request = currentRequest();
  if (request !== undefined && isSampled(spanContext)) request.traceId = spanContext.traceId;
  try {
    return await run({
      traceparent: traceparentOf(spanContext),
      set: (attributes) => void span.setAttributes(attributes),
    });
  } catch (error) {
    // The code alone: a message may name a client by its id, which is a credential.
    span.setAttribute('error.type', codeOf(error)).setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** That of a span around the call, made by an instrumentation of HTTP, or else what the caller sent. */
function contextOfRequest(): Context {
  const active = context.active();
  if (trace.getSpan(active) !== undefined) return active;
  const parent = currentRequest()?.parent ?? null;
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

function contextOf(traceparent: unknown): Context {
  const parent = readTraceparent(traceparent);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? String(error.code) : error.name;
}
