export const exitCodes = { measured: 0, failed: 1, badArguments: 2, interrupted: 130 } as const;

/** What the program is given of the world. */
export interface Outside {
  /** For the result. */
  print: (text: string) => void;
  /** For what goes on meanwhile: a line for people. */
  log: (line: string) => void;
  signal: AbortSignal;
}
