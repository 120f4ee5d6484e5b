import { reasonOf } from './error-fields.ts';

export interface Readiness {
  readonly ready: boolean;
  /** What each check says: "ok", or the reason why not, for people. */
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
