import type { Redis } from 'ioredis';

/** Keyspace events (K) of sets (s): all that wake-ups need. A (alias for all classes) has it too. */
const NEEDED = ['K', 's'];

/**
 * Turns on the keyspace events that wake an edge, keeping what is on already.
 * Gives null, or why it could not: then edges find changes by their periodic read alone.
 */
export async function enableKeyspaceEvents(redis: Redis): Promise<string | null> {
  try {
    const answer: unknown = await redis.call('CONFIG', 'GET', 'notify-keyspace-events');
    const flags = flagsOf(answer);
    const on = flags.includes('A') ? `${flags}s` : flags;
    const missing = NEEDED.filter((flag) => !on.includes(flag));
    if (missing.length > 0) await redis.call('CONFIG', 'SET', 'notify-keyspace-events', flags + missing.join(''));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function flagsOf(answer: unknown): string {
  if (Array.isArray(answer)) return String(answer[1] ?? '');
  if (answer instanceof Map) return String([...answer.values()][0] ?? '');
  if (typeof answer === 'object' && answer !== null) return String(Object.values(answer)[0] ?? '');
  return '';
}
