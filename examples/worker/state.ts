import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** All that the worker keeps. */
export interface State {
  /** Of its registration: a credential. Null before the first start. */
  readonly clientId: string | null;
  /** Where it connects, as Register named it. */
  readonly urls: readonly string[];
  /** The id of the last message that was finished. Null before the first connection. */
  readonly position: string | null;
  /** What the work has come to: the number of orders, and their sum. */
  readonly orders: number;
  readonly total: number;
}

const NONE: State = { clientId: null, urls: [], position: null, orders: 0, total: 0 };
/** It holds a credential: for the owner alone. */
const MODE = 0o600;

export function readState(file: string): State {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch (error) {
    // A state that cannot be read is no reason to begin anew.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return NONE;
  }
}

/** Replaces the file in one step: killed at any moment, the next start finds the old state or the new one, and all of it. */
export function writeState(file: string, state: State): State {
  const successor = `${file}.new`;
  const handle = openSync(successor, 'w', MODE);
  writeFileSync(handle, JSON.stringify(state));
  fsyncSync(handle);
  closeSync(handle);
  renameSync(successor, file);
  return state;
}
