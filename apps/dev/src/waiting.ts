import { setTimeout as delay } from 'node:timers/promises';
import { askRedis } from '@holdfast/local/ask-redis';

const PAUSE_MS = 50;
/** Longer than a start takes when all is well. */
const WONDER_MS = 3_000;
const ANSWER_MS = 2_000;

/**
 * Waits until `faultOf` finds none, for as long as it takes, and logs what `describe` makes of the fault when that takes
 * long. Rejects with the reason of the signal.
 */
async function untilWell(
  faultOf: () => Promise<string | null>,
  describe: (fault: string) => string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const begun = performance.now();
  for (let isLogged = false; ; await delay(PAUSE_MS, undefined, { signal })) {
    const fault = await faultOf();
    signal.throwIfAborted();
    if (fault === null) return;
    if (isLogged || performance.now() - begun <= WONDER_MS) continue;
    isLogged = true;
    log(describe(fault));
  }
}

/** Waits until the Redis of REDIS_URL answers; `shown` is the address without its password. */
export function untilRedisAnswers(
  url: string,
  shown: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const describe = (fault: string) =>
    `Redis at ${shown} does not answer: ${fault}. Waiting for it: start it there, set REDIS_URL to where it is, ` +
    'or leave REDIS_URL out, and npm start brings one.';
  return untilWell(() => redisFault(url), describe, log, signal);
}

/** Waits until a service says that it is ready: its Redis may not be up yet. */
export function untilReady(name: string, url: string, log: (line: string) => void, signal: AbortSignal): Promise<void> {
  const describe = (fault: string) => `${name} is not ready yet, waiting: ${fault}`;
  return untilWell(() => serviceFault(url, signal), describe, log, signal);
}

async function redisFault(url: string): Promise<string | null> {
  try {
    await askRedis(url, 'PING');
    return null;
  } catch (error) {
    if (error instanceof AggregateError) return error.errors.map(String).join('; ');
    return error instanceof Error ? error.message : String(error);
  }
}

async function serviceFault(url: string, signal: AbortSignal): Promise<string | null> {
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
