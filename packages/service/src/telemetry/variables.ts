import type { z } from 'zod';
import { type Setting, choice, setting, text, url } from '../config.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** The variables of tracing, by OpenTelemetry's names. The exporter itself reads OTEL_EXPORTER_OTLP_HEADERS and its like. */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http:', 'https:'])
    .optional()
    .describe('A collector that traces are sent to (OTLP over HTTP); not set: there are none'),
  OTEL_TRACES_SAMPLER: choice(SAMPLERS, 'parentbased_always_on').describe('Which traces are kept'),
  OTEL_TRACES_SAMPLER_ARG: ratio('1').describe('The share of traces that the samplers named traceidratio keep: 0.01'),
  OTEL_SERVICE_NAME: text()
    .optional()
    .meta({ defaultText: 'the name of the service' })
    .describe('The name under which traces are sent'),
};

export type TracingConfig = z.output<z.ZodObject<typeof tracingVariables>>;

function ratio(fallback: string): Setting<number> {
  return setting(
    'must be a number from 0 to 1',
    (value) => (/^(0|1|0?\.\d{1,15}|1\.0+|0\.0+)$/.test(value) ? Number(value) : undefined),
    fallback,
  );
}
