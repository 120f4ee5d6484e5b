import type { ControlBroker } from '../packages/broker/src/broker.ts';
import { createHealth } from '../packages/service/src/health.ts';
import { createLogger } from '../packages/service/src/logger.ts';
import { type Metrics, createMetrics } from '../packages/service/src/metrics.ts';
import { buildApp } from '../apps/control-api/src/app.ts';
import { configSchema, limitsOf } from '../apps/control-api/src/config.ts';
import { KeyRing } from '../apps/control-api/src/auth/authentication.ts';
import { createWebhookMetrics } from '../apps/control-api/src/webhooks/webhook-metrics.ts';
import type { Edge } from '../apps/socket-edge/src/edge.ts';
import { exposeMetrics } from '../apps/socket-edge/src/metrics.ts';
import type { Supervisor } from '../apps/socket-edge/src/workers/supervisor.ts';
import { exposeWorkers } from '../apps/socket-edge/src/workers/worker-metrics.ts';
import { code, page, table } from './markdown.ts';

interface Metric {
  name: string;
  kind: string;
  labels: readonly string[];
  help: string;
}

/** Every metric that the services register. Nothing is collected, so neither Redis nor an edge is needed. */
export async function registeredMetrics(): Promise<{ control: Metric[]; edge: Metric[] }> {
  return { control: await controlMetrics(), edge: edgeMetrics() };
}

export function metricsPage({ control, edge }: Awaited<ReturnType<typeof registeredMetrics>>): string {
  const shared = control.filter(({ name }) => edge.some((other) => other.name === name));
  const isOwn = ({ name }: Metric) => !shared.some((other) => other.name === name);
  return page(
    'Metrics',
    'what the services register',
    'Prometheus text format, at `/metrics` of each service. Every sample carries the label `service`. What to do when one ' +
      'of them moves: [operations](../operations.md#metrics).',
    '## socket-edge',
    rows(edge.filter(isOwn)),
    '## control-api',
    rows(control.filter(isOwn)),
    '## Both services: Node and the system',
    rows(shared),
  );
}

function rows(metrics: readonly Metric[]): string {
  return table(
    ['metric', 'kind', 'labels', 'meaning'],
    metrics.map(({ name, kind, labels, help }) => [code(name), kind, labels.map(code).join(' '), help]),
  );
}

async function controlMetrics(): Promise<Metric[]> {
  const metrics = createMetrics({ service: 'control-api' });
  createWebhookMetrics(metrics);
  const app = await buildApp({
    broker: {} as ControlBroker,
    bulkBroker: {} as ControlBroker,
    redisLoads: async () => [],
    redisFacts: () => Promise.reject(new Error('no Redis is asked')),
    settings: { production: false, allowedOrigins: undefined },
    keys: new KeyRing(),
    keysFile: null,
    clientExpiry: () => null,
    health: createHealth(),
    metrics,
    logger: createLogger({ service: 'control-api', level: 'silent' }),
    trustedProxies: [],
    allowedOrigins: [],
    limits: limitsOf(configSchema.parse({})),
    console: null,
    docs: null,
    servesMetrics: true,
  });
  await app.close();
  return registered(metrics);
}

function edgeMetrics(): Metric[] {
  const metrics = createMetrics({ service: 'socket-edge' });
  exposeMetrics(metrics, {} as Edge);
  exposeWorkers(metrics, {} as Supervisor);
  return registered(metrics);
}

function registered(metrics: Metrics): Metric[] {
  metrics.stop();
  return metrics.registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    // The type is an enum of numbers, the value a word; the labels are missing in the types.
    kind: String(metric.type),
    labels: 'labelNames' in metric ? (metric.labelNames as string[]) : [],
    help: metric.help.replace(/\.$/, ''),
  }));
}
