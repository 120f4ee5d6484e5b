import { HoldfastError } from '@holdfast/client/holdfast-error';
import { type KeyPage, type Rest, createRest } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import type { Invocation } from '../../invocation.ts';

export type KeySummary = KeyPage['keys'][number];

/** What only adds to an answer is not waited for any longer. */
const USAGE_TIMEOUT_MS = 2000;

/** All keys in force, with what they have. */
export async function allKeys(rest: Rest): Promise<KeySummary[]> {
  const keys: KeySummary[] = [];
  let cursor: string | null = null;
  do {
    const page: KeyPage = await rest.keys({ cursor, limit: MAX_PAGE });
    keys.push(...page.keys);
    ({ cursor } = page);
  } while (cursor !== null);
  return keys;
}

/** The same by id, where an installation is known and the key may ask; null otherwise. */
export async function usageOf(invocation: Invocation): Promise<ReadonlyMap<string, KeySummary> | null> {
  try {
    const keys = await allKeys(await invocation.rest(USAGE_TIMEOUT_MS));
    return new Map(keys.map((key) => [key.id, key]));
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** control-api reads a changed keys file within 5 s where the file system reports no changes, and at once elsewhere. */
const IN_FORCE_WITHIN_MS = 6000;
const POLL_MS = 100;

/** Waits until a control-api knows a key. False: it does not answer, or not in time. */
export async function isInForce(controlUrl: string, key: string, interrupted: AbortSignal): Promise<boolean> {
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(IN_FORCE_WITHIN_MS)]);
  const rest = createRest({ controlUrl, key });
  while (!signal.aborted) {
    try {
      await rest.topics({ limit: 1, signal });
      return true;
    } catch (error) {
      if (signal.aborted || !(error instanceof HoldfastError) || error.code !== 'key-unknown') return false;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
