import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AdminServer, openAdminServer } from './admin-server.ts';
import { createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';

const health = createHealth();
const metrics = createMetrics({ service: 'test', ofProcess: false });
let server: AdminServer;
beforeAll(async () => {
  metrics.counter('things_total', 'Things.').inc();
  server = await openAdminServer({ host: '127.0.0.1', port: 0, health, metrics });
});
afterAll(() => server.close());

describe('the admin port', () => {
  test('serves health, readiness and metrics', async () => {
    expect(await (await fetch(`${server.address}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${server.address}/readyz?from=balancer`)).status).toBe(200);
    expect(await (await fetch(`${server.address}/metrics`)).text()).toContain(
      'holdfast_things_total{service="test"} 1',
    );
    health.check('redis', () => 'away');
    expect((await fetch(`${server.address}/readyz`)).status).toBe(503);
  });

  test('has nothing else', async () => {
    expect((await fetch(`${server.address}/v1/clients`)).status).toBe(404);
    const posted = await fetch(`${server.address}/metrics`, { method: 'POST', body: 'x' });
    expect(posted.status).toBe(404);
  });

  test('is refused where another listens', async () => {
    const port = Number(new URL(server.address).port);
    await expect(openAdminServer({ host: '127.0.0.1', port, health, metrics })).rejects.toThrow('EADDRINUSE');
  });
});
