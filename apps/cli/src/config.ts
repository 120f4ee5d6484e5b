import type { Terminal } from './terminal.ts';

const KEYS_FILE = 'api-keys.json';

export interface Settings {
  controlUrl: string | undefined;
  key: string | undefined;
  keysFile: string;
}

/** What the environment says; an empty variable is none. */
export function readSettings(environment: Terminal['environment']): Settings {
  return {
    controlUrl: environment['HOLDFAST_CONTROL_URL'] || undefined,
    key: environment['HOLDFAST_KEY'] || undefined,
    keysFile: environment['API_KEYS_FILE'] || KEYS_FILE,
  };
}
