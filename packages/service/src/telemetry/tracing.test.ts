import { type Tracer, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test } from 'vitest';
import { captureLog } from '../testing/captured-log.ts';
import { withinRequest } from './request.ts';
import { startTracing } from './start.ts';
import { isTracing, requestTrace, traceDelivery, tracePublish, traceWebhook, useTracer } from './tracing.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const CONFIG = { OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: 1 } as const;

/** Spans are made by a real provider from now on, and kept. */
function keepSpans() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracer: Tracer = provider.getTracer('test');
  useTracer(tracer, 'e1');
  return () => exporter.getFinishedSpans();
}

afterEach(() => {
  useTracer(null);
  trace.disable();
});

describe('without a provider and a collector', () => {
  test('nothing is traced, and what is called runs all the same', async () => {
    const stop = await startTracing({ ...CONFIG }, { service: 's', instance: 'i', logger: captureLog().logger });
    expect(isTracing()).toBe(false);
    expect(await tracePublish({ topic: 'a' }, async ({ traceparent }) => `<${traceparent}>`)).toBe('<>');
    await stop();
  });
});

describe('with a provider', () => {
  test('a failure is a span with its code, and never with its message', async () => {
    const spans = keepSpans();
    const failure = Object.assign(new Error('secret'), { code: 'ECONNREFUSED' });
    await expect(tracePublish({ topic: 'a' }, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(spans()).toMatchObject([{ status: { code: 2 }, attributes: { 'error.type': 'ECONNREFUSED' } }]);
    expect(JSON.stringify(spans().map(({ attributes, events, status }) => [attributes, events, status]))).not.toContain(
      'secret',
    );
  });

  test('a delivery whose traceparent cannot be read is none', () => {
    const spans = keepSpans();
    const delivery = { topic: 'a', id: '1-0', receivedAt: 1, receivers: 1, lagging: 0, caughtUp: false };
    traceDelivery({ ...delivery, traceparent: 'torn' });
    traceDelivery({ ...delivery, traceparent: PARENT });
    expect(spans().map(({ name }) => name)).toEqual(['deliver a']);
  });

  test('a try of a webhook is a span of its own, whose traceparent may go out with it', async () => {
    const spans = keepSpans();
    const sent = await traceWebhook({ endpoint: 'orders', events: 3, attempt: 2 }, async (span) => {
      span.set({ 'http.response.status_code': 503 });
      return span.traceparent;
    });
    const [span] = spans();
    expect(sent).toBe(`00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`);
    expect(span).toMatchObject({
      name: 'webhook orders',
      attributes: {
        'holdfast.webhook.endpoint': 'orders',
        'messaging.batch.message_count': 3,
        'http.request.resend_count': 1,
        'http.response.status_code': 503,
      },
    });
  });

  test('lines within a request name its trace: the one of the caller, or that of the span that began one', async () => {
    keepSpans();
    const { logger, lines } = captureLog();
    withinRequest(requestTrace({ traceparent: PARENT }), () => logger.info('of the caller'));
    withinRequest(requestTrace({ traceparent: PARENT.replace(/1$/, '0') }), () => logger.info('not sampled'));
    await withinRequest(requestTrace({}), async () => {
      logger.info('before');
      await tracePublish({ topic: 'a' }, async () => undefined);
      logger.info('after');
    });
    logger.info('outside');
    expect(lines.map(({ msg, traceId }) => [msg, typeof traceId])).toEqual([
      ['of the caller', 'string'],
      ['not sampled', 'undefined'],
      ['before', 'undefined'],
      ['after', 'string'],
      ['outside', 'undefined'],
    ]);
  });
});
