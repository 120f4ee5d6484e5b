import type { Terminal } from './terminal.ts';

export interface Settings {
  controlUrl: string | undefined;
  key: string | undefined;
  keysFile: string | undefined;
}

/** The settings in the environment; an empty variable counts as not set. */
export function readSettings(environment: Terminal['environment']): Settings {
  return {
    controlUrl: environment['HOLDFAST_CONTROL_URL'] || undefined,
    key: environment['HOLDFAST_KEY'] || undefined,
    keysFile: environment['API_KEYS_FILE'] || undefined,
  };
}
