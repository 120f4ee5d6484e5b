import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type ApiKey, apiKeysFile } from '@holdfast/protocol/api-key';
import { repeat } from '@holdfast/service/backoff';
import { ConfigError, type ConfigFault } from '@holdfast/service/config';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { BoundedFile } from './bounded-file.ts';
import { faultsOf, phraseOf } from '../http/validation.ts';
import { whereIn } from '../http/bodies.ts';
import { KeyRing } from './authentication.ts';
import { checkTokenSettings } from './tokens/check-settings.ts';

/** An editor writes a file in several steps, each an event: one read after them is enough. */
const DEBOUNCE_MS = 50;
/** Where events do not come (network file systems, a full table of watches), a change is seen this late. */
const POLL_MS = 5_000;

/** Where API keys come from. */
export interface KeySource {
  /** The keys in force: always the same object. */
  readonly ring: KeyRing;
  /** Reads the file, also if nothing seems to have changed. Never rejects: an invalid file keeps the old keys. */
  readonly reload: () => Promise<void>;
  /** Reads the file whenever it changes, until the stop that it returns is called. */
  readonly watch: () => () => void;
}

/**
 * Reads the keys file.
 * @param file undefined: no key is in force
 * @throws {ConfigError} when it cannot be read, is broken, or holds no key though `needed`
 */
export async function openKeys(
  file: string | undefined,
  { needed, logger }: { needed: boolean; logger: Logger },
): Promise<KeySource> {
  if (file === undefined) {
    logger.warn('no API_KEYS_FILE: every call that needs a key answers 403');
    return { ring: new KeyRing(), reload: async () => {}, watch: () => () => {} };
  }
  const reader = new BoundedFile(file);
  const first = await readKeys(reader);
  if ('fault' in first) throw new ConfigError([unusable(file, first.fault)]);
  if (first.keys.length === 0) {
    if (needed) throw new ConfigError([noKeys(file)]);
    logger.warn({ file }, 'no keys in API_KEYS_FILE: every call that needs a key answers 403');
  }
  await checkTokenSettings(first.keys, logger);
  return new KeysFile(reader, first, logger);
}

/** Why the keys file cannot be used; null when it can. */
export async function faultOfKeys(file: string, { needed }: { needed: boolean }): Promise<ConfigFault | null> {
  const found = await readKeys(new BoundedFile(file));
  if ('fault' in found) return unusable(file, found.fault);
  return needed && found.keys.length === 0 ? noKeys(file) : null;
}

function noKeys(file: string): ConfigFault {
  return faultOf(file, 'must hold at least one key when NODE_ENV is production');
}

function unusable(file: string, why: string): ConfigFault {
  return faultOf(file, `must name a file of API keys that can be used; ${why}`);
}

function faultOf(file: string, rule: string): ConfigFault {
  return { variable: 'API_KEYS_FILE', rule, given: JSON.stringify(file) };
}

/** The content of the file. Changes are found by `text`: modification times are too coarse. */
type Content = { text: string; keys: ApiKey[] } | { text: string; fault: string };

async function readKeys(file: BoundedFile): Promise<Content> {
  let text: string;
  try {
    text = await file.read();
  } catch (error) {
    return { text: '', fault: reasonOf(error) };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { text, fault: `it is not JSON${whereIn(error)}` };
  }
  const result = apiKeysFile.safeParse(json);
  return result.success ? { text, keys: result.data.keys } : { text, fault: phraseOf(faultsOf(result.error.issues)) };
}

class KeysFile implements KeySource {
  readonly ring: KeyRing;
  readonly #reader: BoundedFile;
  readonly #file: string;
  readonly #logger: Logger;
  #seen: string;
  #reading = Promise.resolve();

  constructor(reader: BoundedFile, first: { text: string; keys: readonly ApiKey[] }, logger: Logger) {
    this.#reader = reader;
    this.#file = reader.path;
    this.#logger = logger;
    this.#seen = first.text;
    this.ring = new KeyRing(first.keys);
  }

  readonly reload = (): Promise<void> => this.#readNext({ always: true });

  readonly watch = (): (() => void) => {
    let timer: NodeJS.Timeout | undefined;
    const watcher = this.#watchDirectory(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void this.#readNext({ always: false });
      }, DEBOUNCE_MS);
    });
    const stopPolling = repeat(() => this.#readNext({ always: false }), {
      intervalMs: POLL_MS,
      onError: (error) => this.#logger.error({ err: error }, 'cannot poll the API keys file'),
    });
    return () => {
      watcher?.close();
      stopPolling();
      clearTimeout(timer);
    };
  };

  /** The directory, not the file: a watch of the file ends when another file is renamed over it. */
  #watchDirectory(onEvent: () => void): FSWatcher | undefined {
    const pollOnly = (error: unknown): void =>
      this.#logger.warn({ err: error }, 'cannot watch the API keys file: polling only');
    try {
      return watch(dirname(this.#file), onEvent).on('error', pollOnly);
    } catch (error) {
      pollOnly(error);
      return undefined;
    }
  }

  /** One read after the other, or an older content could win. */
  #readNext({ always }: { always: boolean }): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readOnce(always));
    return this.#reading;
  }

  async #readOnce(always: boolean): Promise<void> {
    const found = await readKeys(this.#reader);
    if (found.text === this.#seen && !always) return;
    this.#seen = found.text;
    await this.#apply(found);
  }

  async #apply(found: Content): Promise<void> {
    if ('fault' in found) {
      this.#logger.error({ file: this.#file, reason: found.fault }, 'API keys file is invalid: the old keys stay');
      return;
    }
    this.ring.replace(found.keys);
    this.#logger.info({ file: this.#file, keys: this.ring.ids() }, 'API keys reloaded');
    if (this.ring.size === 0) this.#logger.warn('no API keys are left: every call that needs one answers 403');
    await checkTokenSettings(found.keys, this.#logger);
  }
}
