import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 50;
/** Longer than a start takes when all is well: from here on somebody wonders. */
const WONDER_MS = 3_000;
const ANSWER_MS = 2_000;

/**
 * Waits until a service says that it is ready, for as long as it takes: its Redis may not be up yet. Says so when that
 * takes long. Rejects with the reason of the signal.
 */
export async function untilReady(
  name: string,
  url: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const begun = performance.now();
  let isSaid = false;
  for (;;) {
    const fault = await faultOf(url, signal);
    if (fault === null) return;
    if (!isSaid && performance.now() - begun > WONDER_MS) {
      say(`${name} is not ready yet, waiting: ${fault}`);
      isSaid = true;
    }
    await delay(PAUSE_MS, undefined, { signal });
  }
}

async function faultOf(url: string, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(new URL('/readyz', url), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    return response.ok ? null : reasonsIn(await response.text());
  } catch (error) {
    signal.throwIfAborted();
    // It is being started again, or too busy to answer.
    return error instanceof Error ? error.message : String(error);
  }
}

/** What the checks of a service say that is not well, as one phrase. */
function reasonsIn(text: string): string {
  try {
    const { checks } = JSON.parse(text) as { checks: Record<string, string> };
    return Object.values(checks)
      .filter((answer) => answer !== 'ok')
      .join('; ');
  } catch {
    // Not an answer of ours: something else listens there.
    return text.trim();
  }
}
