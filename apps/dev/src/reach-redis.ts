import { setTimeout as delay } from 'node:timers/promises';
import { askRedis } from '@holdfast/local/ask-redis';

const PAUSE_MS = 250;
/** A Redis that is just starting is there sooner. */
const WONDER_MS = 3_000;

/**
 * Waits until the Redis of REDIS_URL answers, for as long as it takes, and says so when that takes long. Rejects with the
 * reason of the signal.
 * @param shown the address without its password
 */
export async function untilRedisAnswers(
  url: string,
  shown: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const begun = performance.now();
  for (let isSaid = false; ;) {
    const fault = await faultOf(url);
    signal.throwIfAborted();
    if (fault === null) return;
    if (!isSaid && performance.now() - begun > WONDER_MS) {
      isSaid = true;
      say(
        `Redis at ${shown} does not answer: ${fault}. Waiting for it: start it there, set REDIS_URL to where it is, ` +
          'or leave REDIS_URL out, and npm start brings one.',
      );
    }
    await delay(PAUSE_MS, undefined, { signal });
  }
}

async function faultOf(url: string): Promise<string | null> {
  try {
    await askRedis(url, 'PING');
    return null;
  } catch (error) {
    if (error instanceof AggregateError) return error.errors.map(String).join('; ');
    return error instanceof Error ? error.message : String(error);
  }
}
