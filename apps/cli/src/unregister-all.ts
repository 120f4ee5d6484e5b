import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { ClientPage, Rest } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';

/** Until then every control-api has read a changed keys file again: it looks every 5 s where events do not come. */
const NOTICED_MS = 6_000;
/** Calls under way at a time: more would only wait in control-api. */
const AT_ONCE = 8;

/**
 * Unregisters every client of a key that was taken out of the keys file just now, and those that a control-api which has
 * not noticed yet still registers with it.
 * @returns how many there were
 */
export async function unregisterClientsOf(rest: Rest, keyId: string, interrupted: AbortSignal): Promise<number> {
  const noticedAt = performance.now() + NOTICED_MS;
  let count = await sweep(rest, keyId);
  await delay(Math.max(0, noticedAt - performance.now()), undefined, { signal: interrupted });
  for (let found = -1; found !== 0; count += found) found = await sweep(rest, keyId);
  return count;
}

async function sweep(rest: Rest, keyId: string): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: ClientPage = await rest.clients({ cursor, limit: MAX_PAGE });
    const refs = page.clients.flatMap(({ key, ref }) => (key === keyId ? [ref] : []));
    const unregisterNext = async (): Promise<void> => {
      for (let ref = refs.pop(); ref !== undefined; ref = refs.pop()) if (await unregister(rest, ref)) count += 1;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, unregisterNext));
    ({ cursor } = page);
  } while (cursor !== null);
  return count;
}

/** False when somebody else did it in between. */
async function unregister(rest: Rest, ref: string): Promise<boolean> {
  try {
    await rest.unregister(ref);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'user-not-found') return false;
    throw error;
  }
}
