import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readSettings } from '../../config.ts';
import { CliError, exitCodes } from '../../errors.ts';
import type { Invocation } from '../../invocation.ts';

const KEYS_FILE = 'api-keys.json';

export const FILE_OPTION = [
  '--file <path>',
  'the keys file; otherwise the control-api of --control and --key, API_KEYS_FILE, that of HOLDFAST_CONTROL_URL and ' +
    'HOLDFAST_KEY, the file that a running npm start reads, or ./api-keys.json',
] as const;

/** A file, which control-api reads again when it changes. */
export interface KeysFilePlace {
  kind: 'file';
  /** Absolute. */
  file: string;
  /** Where the control-api of npm start answers that reads this file; null: none does. */
  readBy: string | null;
}

/** A control-api that changes its own file. */
interface KeysApiPlace {
  kind: 'api';
  controlUrl: string;
}

export type KeysPlace = KeysFilePlace | KeysApiPlace;

/** Where the `key` commands work: what was named, else what runs here. Raises CliError `key-missing`. */
export async function keysPlace(
  invocation: Invocation,
  command: Command,
  given: string | undefined,
): Promise<KeysPlace> {
  const { environment, installation } = invocation.terminal;
  const settings = readSettings(environment);
  const options = command.optsWithGlobals<{ control?: string; key?: string }>();
  const key = options.key ?? settings.key;
  if (given === undefined && options.control !== undefined) {
    if (key !== undefined) return { kind: 'api', controlUrl: options.control };
    const message = '--control needs --key (or HOLDFAST_KEY), a key with manage "**". To change a file: --file PATH.';
    throw new CliError(exitCodes.usage, 'key-missing', message);
  }
  const named = given ?? settings.keysFile;
  if (named === undefined && settings.controlUrl !== undefined && key !== undefined) {
    return { kind: 'api', controlUrl: (await invocation.target()).controlUrl };
  }
  const running = await installation();
  const file = resolve(named ?? running?.keysFile ?? KEYS_FILE);
  const isRead = running !== null && resolve(running.keysFile) === file;
  return { kind: 'file', file, readBy: isRead ? running.controlUrl : null };
}

/** For scripts: `file` is null when control-api changed its own, `readBy` when no running control-api is known to read it. */
export function placeAnswer(place: KeysPlace): { file: string | null; readBy: string | null } {
  return place.kind === 'api' ? { file: null, readBy: place.controlUrl } : { file: place.file, readBy: place.readBy };
}

/** Where a key is, as in "Key … is in …". */
export function placeName(place: KeysPlace): string {
  return place.kind === 'api' ? `the keys file of ${place.controlUrl}` : place.file;
}

/** What a person does to have a change take effect. */
export function effectLine(place: KeysPlace): string {
  if (place.kind === 'api')
    return `It is in force at ${place.controlUrl}; other control-apis with the same file follow within 5 s.`;
  return place.readBy === null
    ? `A control-api started with API_KEYS_FILE=${place.file} reads this file, and reads it again by itself when it changes.`
    : `The control-api at ${place.readBy} reads this file, and reads it again by itself when it changes.`;
}
