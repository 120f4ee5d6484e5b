import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { ClientPage, Rest } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { CliError, exitCodes } from '../../errors.ts';
import type { Invocation } from '../../invocation.ts';

/** The calls of a key that may list clients, and is not the one that is about to be revoked. */
export async function otherKeysRest(invocation: Invocation, id: string): Promise<Rest> {
  const { key = '' } = await invocation.target();
  if (key.startsWith(`${id}.`)) {
    const message = `--clients needs another key than "${id}", with manage "**": give it with --key or HOLDFAST_KEY.`;
    throw new CliError(exitCodes.usage, 'key-revokes-itself', message);
  }
  const rest = await invocation.rest();
  // Refused now, and not when the key is gone and its clients are not.
  await rest.clients({ limit: 1 });
  return rest;
}

/** By then every control-api has read a changed keys file: it polls every 5 s where events do not come. */
const RELOADED_MS = 6_000;
/** More calls at a time would only wait in control-api. */
const MAX_CONCURRENT = 8;

/**
 * Unregisters every client of a key that was taken out of the keys file just now, and those that a control-api with the
 * old file still registers with it.
 * @returns how many there were
 */
export async function unregisterClientsOf(rest: Rest, keyId: string, interrupted: AbortSignal): Promise<number> {
  const reloadedAt = performance.now() + RELOADED_MS;
  let count = await unregisterListed(rest, keyId);
  await delay(Math.max(0, reloadedAt - performance.now()), undefined, { signal: interrupted });
  for (let found = -1; found !== 0; count += found) found = await unregisterListed(rest, keyId);
  return count;
}

/** Unregisters the clients of a key that there are. Gives how many. */
export async function unregisterListed(rest: Rest, keyId: string): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: ClientPage = await rest.clients({ cursor, limit: MAX_PAGE });
    const refs = page.clients.flatMap(({ key, ref }) => (key === keyId ? [ref] : []));
    const unregisterNext = async (): Promise<void> => {
      for (let ref = refs.pop(); ref !== undefined; ref = refs.pop()) if (await unregister(rest, ref)) count += 1;
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT }, unregisterNext));
    ({ cursor } = page);
  } while (cursor !== null);
  return count;
}

/** False when it was unregistered in between. */
async function unregister(rest: Rest, ref: string): Promise<boolean> {
  try {
    await rest.unregister(ref);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'user-not-found') return false;
    throw error;
  }
}
