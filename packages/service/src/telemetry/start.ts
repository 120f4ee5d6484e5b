import { trace } from '@opentelemetry/api';
import type { ExporterOptions } from './exporter.ts';
import { useTracer } from './tracing.ts';
import type { TracingConfig } from './variables.ts';

const TRACER = 'holdfast';

/**
 * Begins to make spans: for a provider that is registered already (`node --import`), else for a collector that is
 * configured. Without either there are none.
 * @returns the stop, which sends what there still is
 */
export async function startTracing(config: TracingConfig, options: ExporterOptions): Promise<() => Promise<void>> {
  let stop: (() => Promise<void>) | null = null;
  if (!hasProvider() && config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined) {
    const { openExporter } = await import('./exporter.ts');
    stop = openExporter(config, options);
  }
  if (hasProvider()) useTracer(trace.getTracer(TRACER), options.instance);
  return async () => {
    useTracer(null);
    await stop?.();
  };
}

/** The API stands in for a provider until there is one, and only that stand-in can be asked whether there is. */
function hasProvider(): boolean {
  const provider: object = trace.getTracerProvider();
  if (!('getDelegateTracer' in provider)) return true;
  return (provider as StandIn).getDelegateTracer(TRACER) !== undefined;
}

interface StandIn {
  getDelegateTracer(name: string): unknown;
}
