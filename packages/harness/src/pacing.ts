import { setTimeout as delay } from 'node:timers/promises';

/** How exactly the rate is kept. */
const TICK_MS = 2;

export interface RateOptions {
  /** Calls a second. */
  rate: number;
  /** How many in all; `Infinity`: until the signal. */
  total: number;
  /** What does not keep up is not buried under calls: at most so many are under way, and the rest begin later. */
  limit: number;
  /** Begins call `n`, from 0. */
  begin: (n: number) => Promise<unknown>;
  signal: AbortSignal;
}

/**
 * Begins calls at a rate, each as its time has come and not only when the one before was answered; a timer that comes
 * late is made up for. Resolves when all have been answered; rejects with the signal's reason, or as a call does.
 */
export async function callAtRate({ rate, total, limit, begin, signal }: RateOptions): Promise<void> {
  const startedAt = performance.now();
  const underWay = new Set<Promise<unknown>>();
  for (let begun = 0; begun < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * rate) + 1);
    for (; begun < due && underWay.size < limit; begun += 1) {
      const call = begin(begun).finally(() => underWay.delete(call));
      underWay.add(call);
    }
    await delay(TICK_MS, undefined, { signal });
  }
  await Promise.all(underWay);
}
