import { reasonOf } from './error-fields.ts';
import type { MetricsSource } from './metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** The answer of each check: "ok", or the reason why not, in words. */
  readonly checks: Readonly<Record<string, string>>;
}

/** Gives null when all is well, or the reason why this process should get no new work. Must not wait for anything. */
export type HealthCheck = () => string | null;

export type Health = ReturnType<typeof createHealth>;

/** Whether this process should be sent new work. Not whether it lives: a process that answers at all, lives. */
export function createHealth() {
  const checks = new Map<string, HealthCheck>();

  return {
    /** Adds a check; one of the same name is replaced. */
    check(name: string, check: HealthCheck): void {
      checks.set(name, check);
    },

    /** Asks every check. One that throws counts as not ready, with what it threw as the reason. */
    readiness(): Readiness {
      const answers = [...checks].map(([name, check]) => [name, ask(check)] as const);
      return {
        ready: answers.every(([, reason]) => reason === null),
        checks: Object.fromEntries(answers.map(([name, reason]) => [name, reason ?? 'ok'])),
      };
    },

    /** From now on, and for good, this process is not ready: it is about to leave. */
    drain(): void {
      checks.set('draining', () => 'shutting down');
    },
  };
}

function ask(check: HealthCheck): string | null {
  try {
    return check();
  } catch (error) {
    return `the check failed: ${reasonOf(error)}`;
  }
}

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
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
