import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { logEntry } from '@holdfast/local/services';
import pc from 'picocolors';

const SHOWN_LEVELS = new Map([
  ['warn', pc.yellow],
  ['error', pc.red],
  ['fatal', pc.red],
]);

export interface ChildLog {
  /** Takes one line that the child printed. */
  readonly line: (text: string) => void;
  readonly close: () => void;
}

/**
 * Keeps what a child prints in `<name>.log`, of this run only, and shows in short what somebody should know: warnings
 * and errors, and whatever is no log line at all, such as the stack of a crash.
 */
export function childLog(directory: string, name: string, log: (line: string) => void): ChildLog {
  const file = createWriteStream(join(directory, `${name}.log`), { mode: 0o600 });
  // A full disk costs the log, not the installation.
  file.once('error', (error) => log(pc.red(`${name}.log cannot be written: ${error.message}`)));
  return {
    line: (text) => {
      if (file.writable) file.write(`${text}\n`);
      const short = shortForm(name, text);
      if (short !== null) log(short);
    },
    close: () => file.end(),
  };
}

/** The line for a terminal, or null when it is only for the file. */
export function shortForm(name: string, text: string): string | null {
  const entry = logEntry(text);
  if (entry === undefined) return text.trim() === '' ? null : `${pc.dim(name)} ${printable(text)}`;
  const level = typeof entry['level'] === 'string' ? entry['level'] : '';
  const color = SHOWN_LEVELS.get(level);
  if (color === undefined) return null;
  const message = [entry['msg'], messageOf(entry['err'] ?? entry['error'])].filter((part) => typeof part === 'string');
  return `${pc.dim(name)} ${color(level)} ${printable(message.join(': '))}`;
}

function messageOf(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  return String(error.message);
}

/** Without control characters: what a stranger sent may stand in a log line, and must not steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
