import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';

const TOPIC = 'bystander';
const MESSAGE = JSON.stringify('x'.repeat(150));

/** How a caller fares who does nothing wrong. */
export interface Fare {
  /** In milliseconds. */
  p50: number;
  p99: number;
  /** Calls without a success. */
  failed: number;
}

/** Makes what the bystander publishes to. */
export async function prepareBystander(installation: HoldfastInstallation): Promise<void> {
  await installation.call('PUT', `/v1/topics/${TOPIC}`, '{}');
}

/** Publishes at a rate of its own, whatever the answers take: what waits behind a slow answer is late as well. */
export async function fareOf(
  installation: HoldfastInstallation,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Fare> {
  const took: number[] = [];
  let failed = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: rate * seconds }, async (_, call) => {
      const dueAt = startedAt + (call * 1000) / rate;
      await delay(Math.max(0, dueAt - performance.now()));
      // The timer may have been late; that is the load generator's, and not the service's.
      const askedAt = performance.now();
      try {
        await installation.call('POST', `/v1/topics/${TOPIC}/messages`, MESSAGE);
        took.push(performance.now() - askedAt);
      } catch {
        failed += 1;
      }
    }),
  );
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), failed };
}
