import picocolors from 'picocolors';
import type { Terminal } from '../terminal.ts';

export interface RecordingTerminal extends Terminal {
  readonly outLines: string[];
  readonly errLines: string[];
}

/** A terminal for tests: keeps what is printed, types what it is given. */
export function recordingTerminal(
  given: Partial<Pick<Terminal, 'environment' | 'installation' | 'interrupted' | 'rememberedClientsDirectory'>> & {
    input?: string;
  } = {},
): RecordingTerminal {
  const outLines: string[] = [];
  const errLines: string[] = [];
  let input = given.input ?? '';
  return {
    outLines,
    errLines,
    out: (line) => void outLines.push(line),
    err: (line) => void errLines.push(line),
    readLine: async () => {
      const [line = '', ...rest] = input.split('\n');
      input = rest.join('\n');
      return line;
    },
    readInput: () => Promise.resolve(input),
    inputIsTyped: given.input === undefined,
    colors: picocolors.createColors(false),
    errColors: picocolors.createColors(false),
    rememberedClientsDirectory: given.rememberedClientsDirectory ?? '/nowhere/clients',
    installation: given.installation ?? (() => Promise.resolve(null)),
    environment: given.environment ?? {},
    interrupted: given.interrupted ?? new AbortController().signal,
  };
}
