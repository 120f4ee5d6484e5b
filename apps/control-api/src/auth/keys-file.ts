import { type ApiKey, apiKeysFile } from '@holdfast/protocol/api-key';
import { ConfigError, type ConfigFault } from '@holdfast/service/config';
import type { Logger } from '@holdfast/service/logger';
import { BoundedFile } from '../files/bounded-file.ts';
import { SEEN_WITHIN_MS, WatchedFile, readContent } from '../files/watched-file.ts';
import { KeyRing } from './authentication.ts';
import { keysWithPlainSecrets, readersFault, readersOf } from './plain-secrets.ts';
import { checkTokenSettings } from './tokens/check-settings.ts';

/** The keys file, for the calls that change it. */
export interface KeysFile {
  readonly path: string;
  /** Reads it again, also if nothing seems to have changed: what was written is in force here then. Never rejects. */
  readonly reload: () => Promise<void>;
  /** By then another control-api on the same file has read a change. */
  readonly seenWithinMs: number;
}

/** Where API keys come from. */
export interface KeySource {
  /** Null: none is named. */
  readonly file: KeysFile | null;
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
 * @throws {ConfigError} when it cannot be read, or is broken; in production also when it holds no key, or when others can
 * read the plain secrets of apps in it
 */
export async function openKeys(
  file: string | undefined,
  { production, logger }: { production: boolean; logger: Logger },
): Promise<KeySource> {
  if (file === undefined) {
    logger.warn('no API_KEYS_FILE: every call that needs a key answers 403');
    return { file: null, ring: new KeyRing(), reload: async () => {}, watch: () => () => {} };
  }
  const reader = new BoundedFile(file);
  const first = await readContent(reader, apiKeysFile);
  if ('fault' in first) throw new ConfigError([unusable(file, first.fault)]);
  const { keys } = first.value;
  if (keys.length === 0) {
    if (production) throw new ConfigError([noKeys(file)]);
    logger.warn({ file }, 'no keys in API_KEYS_FILE: every call that needs a key answers 403');
  }
  const readable = production ? await readableByOthers(file, keys) : null;
  if (readable !== null) throw new ConfigError([readable]);
  await reportReaders(file, keys, { production, logger });
  await checkTokenSettings(keys, logger);
  const ring = new KeyRing(keys);
  const { reload, watch } = new WatchedFile({
    name: 'API keys file',
    file: reader,
    schema: apiKeysFile,
    seen: first.text,
    onChange: (changed) => apply(ring, changed.keys, file, { production, logger }),
    stays: 'keys',
    logger,
  });
  return { file: { path: file, reload, seenWithinMs: SEEN_WITHIN_MS }, ring, reload, watch };
}

/** Why the keys file cannot be used; null when it can. */
export async function faultOfKeys(file: string, { production }: { production: boolean }): Promise<ConfigFault | null> {
  const found = await readContent(new BoundedFile(file), apiKeysFile);
  if ('fault' in found) return unusable(file, found.fault);
  if (!production) return null;
  return found.value.keys.length === 0 ? noKeys(file) : readableByOthers(file, found.value.keys);
}

/**
 * Null also for a file that only its group can read too: that may be the group of this service alone. Files with secrets of
 * tokens were taken before there were apps: those alone are no reason not to start, and are logged.
 */
async function readableByOthers(file: string, keys: readonly ApiKey[]): Promise<ConfigFault | null> {
  if (keys.every(({ pusher }) => pusher === undefined) || (await readersOf(file)) !== 'others') return null;
  return unusable(file, readersFault(file, 'others'));
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

/** Keys of a file that was changed are taken whoever can read it: one that was revoked must not stay in force. */
async function reportReaders(
  file: string,
  keys: readonly ApiKey[],
  { production, logger }: { production: boolean; logger: Logger },
): Promise<void> {
  const secrets = keysWithPlainSecrets(keys);
  const readers = secrets.length === 0 ? null : await readersOf(file).catch(() => null);
  if (readers === null) return;
  const level = production && readers === 'others' ? 'error' : 'warn';
  logger[level](
    { file, keys: secrets, reason: readersFault(file, readers) },
    'the keys file should be readable by its owner alone',
  );
}

async function apply(
  ring: KeyRing,
  keys: readonly ApiKey[],
  file: string,
  options: { production: boolean; logger: Logger },
): Promise<void> {
  const { logger } = options;
  ring.replace(keys);
  logger.info({ file, keys: ring.ids() }, 'API keys reloaded');
  if (ring.size === 0) logger.warn('no API keys are left: every call that needs one answers 403');
  await reportReaders(file, keys, options);
  await checkTokenSettings(keys, logger);
}
