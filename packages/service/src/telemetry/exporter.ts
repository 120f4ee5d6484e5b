import { DiagLogLevel, diag, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.ts';
import type { TracingConfig } from './variables.ts';

// Loaded only when there is a collector: with what it brings it takes 0.5 s of the start, and some megabytes.

export interface ExporterOptions {
  readonly service: string;
  /** Distinguishes processes of the service; by default a random one. */
  readonly instance: string;
  readonly logger: Logger;
}

/** Spans are few: they are sent soon. */
const DELAY_MS = 1_000;
/** A collector that does not answer must not keep a process from ending. */
const FLUSH_MS = 3_000;
/** How often it is logged that a collector does not take spans. */
const REMIND_MS = 60_000;

/**
 * Registers a provider of tracers whose spans go to the collector.
 * @returns the stop, which sends what there still is
 */
export function openExporter(config: TracingConfig, options: ExporterOptions): () => Promise<void> {
  logFaults(options.logger);
  const provider = new TracerProvider({
    resource: resourceOf(config, options),
    sampler: samplerOf(config),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: DELAY_MS })],
  });
  trace.setGlobalTracerProvider(provider);
  return async () => {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_MS);
    // A failure has been logged, and there is no time left to try again.
    await Promise.race([provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  };
}

function resourceOf({ OTEL_SERVICE_NAME: name }: TracingConfig, { service, instance }: ExporterOptions) {
  const own = resourceFromAttributes({
    'service.name': service,
    'service.namespace': 'holdfast',
    'service.instance.id': instance,
  });
  const named = resourceFromAttributes(name === undefined ? {} : { 'service.name': name });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(named);
}

function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: TracingConfig): Sampler {
  const [, byParent, root = name] = /^(parentbased)_(.*)$/.exec(name) ?? [];
  const sampler = rootSampler(root, ratio);
  return byParent === undefined ? sampler : new ParentBasedSampler({ root: sampler });
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler();
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler();
}

/** What the exporter reports, at most once in a while: one that cannot send tries again each second. */
function logFaults(logger: Logger): void {
  let loggedAt = -Infinity;
  const log = (reason: string): void => {
    if (performance.now() - loggedAt < REMIND_MS) return;
    loggedAt = performance.now();
    logger.warn({ reason }, 'traces are not exported');
  };
  diag.setLogger(
    { error: log, warn: log, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function ignore(): void {
  // Reports below a warning.
}
