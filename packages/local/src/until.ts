import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 30;

/** Waits until `look` finds it so. Rejects with what was waited for, and with the last thing that went wrong. */
export async function until(what: string, timeoutMs: number, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let cause: unknown; ; await delay(LOOK_MS)) {
    try {
      if (await look()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`, { cause });
  }
}
