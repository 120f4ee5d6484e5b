import type { ControlChannels, KnownApp } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import { type KeyRing, hasExpired } from '../auth/authentication.ts';

/** An edge looks again as often. */
const WRITE_MS = 5_000;

interface AppRegistryOptions {
  readonly broker: Pick<ControlChannels, 'writeApps'>;
  readonly keys: KeyRing;
  readonly logger: Logger;
  /** Default: 5 s. */
  readonly everyMs?: number;
}

interface AppRegistry {
  /** Writes them now. Never rejects: what failed is tried again. */
  readonly write: () => Promise<void>;
  readonly stop: () => void;
}

/**
 * Makes the apps among the API keys known to edges: at the start, when the keys change, and every few seconds, so that a
 * Redis that has lost them has them again. An app whose key has expired is none. Apps stay known after the stop: edges go on
 * while no control-api runs.
 */
export function startAppRegistry({ broker, keys, logger, everyMs = WRITE_MS }: AppRegistryOptions): AppRegistry {
  /** Public keys that Redis may have from here. */
  const written = new Set<string>();
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const apps = keys.apps().filter((key) => !hasExpired(key));
    const known = apps.map(({ id, pusher }): KnownApp => ({ ...pusher, apiKey: id }));
    const current = new Set(known.map(({ key }) => key));
    const removed = [...written].filter((key) => !current.has(key));
    // Before the call: when it fails, what it has written is not known.
    for (const key of current) written.add(key);
    await broker.writeApps(known, removed);
    for (const key of removed) written.delete(key);
  }

  /** One after the other, or older keys could be written last. */
  function writeNext(): Promise<void> {
    writing = writing.then(write, write);
    return writing;
  }

  const onError = (error: unknown): void => {
    // Redis has been reported by its connection, and a few seconds later it is tried again.
    if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'cannot write the apps of the Pusher door');
  };
  const writeNow = (): Promise<void> => writeNext().catch(onError);
  void writeNow();
  const stopListening = keys.onReplaced(() => void writeNow());
  const stopRepeating = repeat(writeNext, { intervalMs: everyMs, onError });
  return {
    write: writeNow,
    stop: () => {
      stopListening();
      stopRepeating();
    },
  };
}
