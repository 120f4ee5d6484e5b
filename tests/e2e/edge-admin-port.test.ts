import { logEntry } from '@holdfast/local/services';
import { eventually } from '@holdfast/testkit/eventually';
import { childrenOf } from '@holdfast/testkit/processes';
import { describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './backend.ts';

/** A worker is missed after 5 s without a report. */
const SILENCE = { timeoutMs: 30_000 };

function edgeOf({ installation }: Backend) {
  const [edge] = installation.edges;
  if (edge === undefined) throw new Error('no edge was started');
  return edge;
}

/** The address of the port for administration, as the edge logs it when it listens. */
function adminOf(backend: Backend): string {
  const listening = edgeOf(backend)
    .lines()
    .map(logEntry)
    .find((entry) => entry?.['msg'] === 'listening');
  return String(listening?.['admin']);
}

async function statusOf(address: string, path: string): Promise<number> {
  return (await fetch(new URL(path, address))).status;
}

describe.each(['1', '2'])('an edge with EDGE_ADMIN_PORT and %s workers', (EDGE_WORKERS) => {
  it('has health and metrics there and nothing else; the public port has no metrics', async () => {
    await using backend = await startBackend({ edges: 1, env: { EDGE_WORKERS, EDGE_ADMIN_PORT: '0' } });
    const admin = adminOf(backend);
    const socket = await backend.connect(await backend.register([]));
    await socket.next('welcome');
    await eventually(async () => expect(await statusOf(admin, '/readyz')).toBe(200));
    expect(await statusOf(admin, '/healthz')).toBe(200);
    // A worker that is slow to answer is taken as it was last.
    await eventually(async () => {
      const metrics = await (await fetch(new URL('/metrics', admin))).text();
      expect(metrics).toMatch(/^holdfast_connections\{[^}]*\} 1$/m);
    });
    expect(await statusOf(admin, '/v1/connect')).toBe(404);
    expect(await statusOf(admin, '/')).toBe(404);
    const { url } = edgeOf(backend);
    expect(await statusOf(url, '/metrics')).toBe(404);
    expect(await statusOf(url, '/healthz')).toBe(200);
    expect(await statusOf(url, '/readyz')).toBe(200);
  });

  it('is not ready there while it drains, and ends in good order', async () => {
    const env = { EDGE_WORKERS, EDGE_ADMIN_PORT: '0', EDGE_DRAIN_SECONDS: '30' };
    await using backend = await startBackend({ edges: 1, env });
    const admin = adminOf(backend);
    const socket = await backend.connect(await backend.register([]));
    await socket.next('welcome');
    // It answers no goodbye, so that the drain lasts.
    socket.ws.pause();
    edgeOf(backend).kill('SIGTERM');
    await eventually(async () => expect(await statusOf(admin, '/readyz')).toBe(503));
    expect(await statusOf(admin, '/healthz')).toBe(200);
    socket.ws.resume();
    expect(await edgeOf(backend).exited).toEqual({ code: 0, signal: null });
  });
});

it('a worker that stands still makes the whole not ready, with its name', async () => {
  await using backend = await startBackend({ edges: 1, env: { EDGE_WORKERS: '2', EDGE_ADMIN_PORT: '0' } });
  const admin = adminOf(backend);
  await eventually(async () => expect(await statusOf(admin, '/readyz')).toBe(200));
  const [victim = 0] = childrenOf(edgeOf(backend).pid);
  process.kill(victim, 'SIGSTOP');
  try {
    await eventually(async () => {
      const answer = await fetch(new URL('/readyz', admin));
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain(`worker ${victim}: has not reported`);
    }, SILENCE);
  } finally {
    process.kill(victim, 'SIGCONT');
  }
  await eventually(async () => expect(await statusOf(admin, '/readyz')).toBe(200));
});
