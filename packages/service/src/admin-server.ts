import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf } from './error-fields.ts';
import { type Health, answerHealth } from './health.ts';
import type { MetricsSource } from './metrics.ts';
import { ThrottledMetrics } from './throttled-metrics.ts';

/** Probes and scrapes come from a few machines, one at a time. */
const MAX_CONNECTIONS = 256;
const TIMEOUT_MS = 5_000;
const LOOK_MS = 1_000;

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  readonly health: Health;
  readonly metrics: MetricsSource;
}

export interface AdminServer {
  /** Where it listens: `http://127.0.0.1:9100`. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Serves /healthz, /readyz and /metrics on a port of their own. Rejects when it cannot listen. */
export async function openAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { host, port, health } = options;
  const metrics = new ThrottledMetrics(options.metrics);
  const server = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, connectionsCheckingInterval: LOOK_MS },
    (request, response) => {
      void answerTo(request, health, metrics).then(({ status, contentType, body }) =>
        response.writeHead(status, { 'content-type': contentType, 'x-content-type-options': 'nosniff' }).end(body),
      );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(2 * TIMEOUT_MS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Never rejects. */
async function answerTo({ method, url = '/' }: IncomingMessage, health: Health, metrics: MetricsSource) {
  if (method !== 'GET' && method !== 'HEAD') return plain(404, 'There is nothing but GET here');
  try {
    const answer = await answerHealth(url, health, metrics);
    return answer ?? plain(404, 'There are /healthz, /readyz and /metrics here');
  } catch (error) {
    return plain(500, reasonOf(error));
  }
}

function plain(status: number, body: string) {
  return { status, contentType: 'text/plain', body: `${body}\n` };
}
