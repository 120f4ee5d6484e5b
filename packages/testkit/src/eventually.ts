import { setTimeout as delay } from 'node:timers/promises';

/** Longer than anything that is waited for takes on a busy machine; a test that fails waits this long once. */
const TIMEOUT_MS = 30_000;
/** Short: the waiting adds to every test. Long enough to leave the machine to what is waited for. */
const PAUSE_MS = 10;

/**
 * Tries `assertion` until it no longer throws, and gives what it gives. Throws its last error when `timeoutMs` have
 * passed (default 30 s), so that the failure reads like a plain assertion's.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await delay(PAUSE_MS);
  }
}
