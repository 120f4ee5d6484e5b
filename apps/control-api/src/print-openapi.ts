import type { ControlBroker } from '@holdfast/broker/broker';
import { createHealth } from '@holdfast/service/health';
import { createLogger } from '@holdfast/service/logger';
import { createMetrics } from '@holdfast/service/metrics';
import { buildApp } from './app.ts';
import { configSchema, limitsOf } from './config.ts';
import { KeyRing } from './auth/authentication.ts';

/** Prints the OpenAPI document, for docs/reference/openapi.json. It is made of schemas: no call is made, no Redis asked. */
const metrics = createMetrics({ service: 'control-api' });
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
await app.ready();
process.stdout.write(`${JSON.stringify(app.swagger(), null, 2)}\n`);
await app.close();
metrics.stop();
