import type { StateFile } from '@holdfast/local/state-file';
import type picocolors from 'picocolors';

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Everything that the command line touches of the process it runs in. */
export interface Terminal {
  /** A line of the result. */
  out: (line: string) => void;
  /** A line about progress. */
  err: (line: string) => void;
  /** The first line of standard input, without its end. */
  readLine: () => Promise<string>;
  /** All of standard input, or what `readLine` has left of it. */
  readInput: () => Promise<string>;
  /** Whether a person would have to type that input. */
  inputIsTyped: boolean;
  /** Of what goes to `out`. */
  colors: Colors;
  /** Of what goes to `err`. */
  errColors: Colors;
  /** Keeps the clients that were registered by name, a file each. */
  rememberedClientsDirectory: string;
  /** What `npm start` left of an installation that is running; null when there is none. */
  installation: () => Promise<StateFile | null>;
  environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and by SIGTERM. */
  interrupted: AbortSignal;
}
