import type { Health } from './health.ts';
import type { MetricsText } from './metrics.ts';

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
}

/** Whoever can give the text of a scrape. */
export interface MetricsSource {
  text(): Promise<MetricsText>;
}

const JSON_TYPE = 'application/json';

/**
 * Answers /healthz (alive, asks nothing else), /readyz (should get new work) and /metrics (for Prometheus).
 * @param path the request's path; a query behind it does not count
 * @returns null for any other path
 */
export async function answerHealth(path: string, health: Health, metrics: MetricsSource): Promise<HealthAnswer | null> {
  switch (path.replace(/\?.*$/s, '')) {
    case '/healthz':
      return { status: 200, contentType: JSON_TYPE, body: JSON.stringify({ status: 'ok' }) };
    case '/readyz': {
      const { ready, checks } = health.readiness();
      const body = JSON.stringify({ status: ready ? 'ready' : 'not-ready', checks });
      return { status: ready ? 200 : 503, contentType: JSON_TYPE, body };
    }
    case '/metrics':
      return { status: 200, ...(await metrics.text()) };
    default:
      return null;
  }
}
