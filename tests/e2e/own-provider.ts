import { TraceFlags, trace } from '@opentelemetry/api';

// What somebody brings by `node --import`: a provider of their own, here one that prints the name of each span.

let spans = 0;

trace.setGlobalTracerProvider({
  getTracer: (name) => ({
    startSpan(span) {
      process.stdout.write(`${JSON.stringify({ msg: 'span', tracer: name, span })}\n`);
      spans += 1;
      const [traceId, spanId] = [String(spans).padStart(32, '1'), String(spans).padStart(16, '1')];
      return trace.wrapSpanContext({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
    },
    startActiveSpan: () => {
      throw new Error('is not called');
    },
  }),
});
