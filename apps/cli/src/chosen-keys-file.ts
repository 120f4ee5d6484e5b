import { resolve } from 'node:path';
import { readSettings } from './config.ts';
import type { Terminal } from './terminal.ts';

const KEYS_FILE = 'api-keys.json';

/** For `--help`, in the order of the choice. */
export const KEYS_FILE_HELP =
  'the keys file; otherwise API_KEYS_FILE, the one that a running npm start reads, or ./api-keys.json';

export interface ChosenKeysFile {
  /** Absolute. */
  file: string;
  /** Where the control-api of npm start answers that reads this file, and reads it again when it changes; null: none does. */
  readBy: string | null;
}

/** The file that the `key` commands work on: the one that was named, else the one that a running installation reads. */
export async function chosenKeysFile(given: string | undefined, terminal: Terminal): Promise<ChosenKeysFile> {
  const installation = await terminal.installation();
  const named = given ?? readSettings(terminal.environment).keysFile;
  const file = resolve(named ?? installation?.keysFile ?? KEYS_FILE);
  const isRead = installation !== null && resolve(installation.keysFile) === file;
  return { file, readBy: isRead ? installation.controlUrl : null };
}

/** What a person does to have a change of this file take effect. */
export function effectLine({ file, readBy }: ChosenKeysFile): string {
  return readBy === null
    ? `A control-api started with API_KEYS_FILE=${file} reads this file, and reads it again by itself when it changes.`
    : `The control-api at ${readBy} reads this file, and reads it again by itself when it changes.`;
}
